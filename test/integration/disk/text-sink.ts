import type { AcceptedChange, StateSink } from "@sluice/data-plane/subscription/index";
import type { VerifiedBytes } from "@sluice/shared/bundle";

export interface Message {
  readonly kind: "keyset" | "keyring" | "snapshot" | "chunk" | "delta";
  readonly bytes: Uint8Array;
}

/** Serves the first letters of a record's text by its id; what begins with "bad" cannot be used. */
export class TextSink implements StateSink {
  readonly #served = new Map<string, string>();

  examine(_id: string, body: VerifiedBytes): void {
    if (Buffer.from(body).toString("utf8", 0, 3) === "bad") throw new Error("it is bad");
  }

  apply({ upsert, remove }: AcceptedChange): void {
    for (const id of remove) this.#served.delete(id);
    for (const [id, body] of upsert) this.#served.set(id, Buffer.from(body).toString("utf8", 0, 40));
  }

  get served(): Record<string, string> {
    return Object.fromEntries([...this.#served].sort(([a], [b]) => (a < b ? -1 : 1)));
  }
}
