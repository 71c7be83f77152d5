import { readFileSync } from "node:fs";
import { Lookout } from "@sluice/shared/lifecycle";
import type { Logger } from "@sluice/shared/observability";
import type { Clock } from "@sluice/shared/time";
import { type CertificatePair, CertificateSet } from "./certificate-set.js";
import { contextBase, type TlsFloor } from "./tls-rules.js";

export interface CertificatePaths {
  /** As many as keys; each file may hold a chain. */
  readonly certs: readonly string[];
  readonly keys: readonly string[];
  /** CAs that client certificates must come from; undefined: clients need none. */
  readonly clientCa: string | undefined;
}

/**
 * The certificates as the files have them, read again when the files change. Files that cannot be used (yet) leave those
 * before in force.
 */
export class CertificateFiles {
  readonly #paths: CertificatePaths;
  readonly #floor: TlsFloor;
  readonly #logger: Logger;
  readonly #listeners: (() => void)[] = [];
  #content: string;
  #current: CertificateSet;
  #lookout: Lookout | undefined;

  /** @throws Error when a file cannot be read or used */
  constructor(paths: CertificatePaths, floor: TlsFloor, logger: Logger) {
    this.#paths = paths;
    this.#floor = floor;
    this.#logger = logger;
    if (paths.certs.length !== paths.keys.length)
      throw new Error("there must be as many certificates as private keys");
    const read = this.#read();
    this.#content = read.content;
    this.#current = read.make();
  }

  get current(): CertificateSet {
    return this.#current;
  }

  onChange(listener: () => void): void {
    this.#listeners.push(listener);
  }

  /** Looks at the files every `intervalMs` until `stop`. */
  watch(clock: Clock, intervalMs: number): void {
    this.#lookout = new Lookout({
      look: () => this.#reload(),
      complaint: "certificates for clients cannot be used; those before stay",
      ...{ intervalMs, clock, logger: this.#logger },
    });
    this.#lookout.start();
  }

  stop(): void {
    this.#lookout?.stop();
  }

  #reload(): void {
    const { content, make } = this.#read();
    if (content === this.#content) return;
    this.#current = make();
    this.#content = content;
    for (const listener of this.#listeners) listener();
    this.#logger.info("certificates for clients were read again", {
      expires: this.#current.expiresAt.toISOString(),
    });
  }

  #read(): { readonly content: string; readonly make: () => CertificateSet } {
    const read = (path: string): string => readFileSync(path, "utf8");
    const certs = this.#paths.certs.map(read);
    const keys = this.#paths.keys.map(read);
    const clientCa = this.#paths.clientCa === undefined ? undefined : read(this.#paths.clientCa);
    const pairs: CertificatePair[] = certs.map((cert, at) => ({ cert, key: keys[at] ?? "" }));
    return {
      content: JSON.stringify([certs, keys, clientCa]),
      make: () => new CertificateSet(pairs, contextBase(this.#floor, clientCa)),
    };
  }
}
