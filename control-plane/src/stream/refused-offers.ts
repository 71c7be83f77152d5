import { hash } from "node:crypto";
import type { Held, PublishedDelta, PublishedSnapshot } from "../publishing/index.js";

/** More than are ever on their way at once. What is said beyond is not remembered: then something is sent in vain. */
const MOST_STATES = 256;

/**
 * What a data plane has refused of what its stream has sent, while it holds the same. These bytes would be refused again,
 * and a snapshot is large: so they are not sent again. Another manifest of the same state is, which may be allowed now.
 */
export class RefusedOffers {
  readonly #states = new Set<string>();
  #manifest: string | undefined;
  #held: string | undefined;
  #lastSent: string | undefined;
  #sentSnapshot: { readonly state: string; readonly manifest: string } | undefined;

  sending(offer: PublishedSnapshot | PublishedDelta): void {
    const state = nameOf(offer);
    this.#lastSent = state;
    if (isSnapshot(offer)) this.#sentSnapshot = { state, manifest: digestOf(offer.envelope) };
  }

  /** @returns whether all that was sent has its answer: what was sent behind the first refused one was good for nothing */
  refused(state: Held, held: Held | undefined): boolean {
    const [name, holds] = [nameOf(state), held === undefined ? "" : nameOf(held)];
    if (holds !== this.#held) this.forget();
    this.#held = holds;
    if (this.#states.size < MOST_STATES) this.#states.add(name);
    if (this.#sentSnapshot?.state === name) this.#manifest = this.#sentSnapshot.manifest;
    return name === this.#lastSent;
  }

  includes(offer: PublishedSnapshot | PublishedDelta): boolean {
    return isSnapshot(offer) ? this.#manifest === digestOf(offer.envelope) : this.#states.has(nameOf(offer));
  }

  /** What it trusts has changed, so it may take what it has refused. */
  forget(): void {
    this.#states.clear();
    this.#manifest = undefined;
  }
}

function isSnapshot(offer: PublishedSnapshot | PublishedDelta): offer is PublishedSnapshot {
  return "chunks" in offer;
}

function nameOf({ epoch, generation, stateRoot }: Held): string {
  return `${epoch}/${generation}/${Buffer.from(stateRoot).toString("hex")}`;
}

function digestOf(envelope: Uint8Array): string {
  return hash("sha256", envelope, "hex");
}
