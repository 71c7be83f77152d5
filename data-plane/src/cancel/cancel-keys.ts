import { timingSafeEqual } from "node:crypto";
import { pooledRandomBytes } from "@sluice/shared/secrets";

/** What a client is given to cancel with. */
export interface CancelKey {
  readonly pid: number;
  readonly secret: Buffer;
}

/**
 * Keys of protocol 3.0: 31 bits of pid (positive: drivers take it as a signed number) and 32 of secret. Those of 3.2 are
 * the same with a longer secret, all of it random.
 *
 *   pid     0 | node 10 | worker 6 | session, high 15
 *   secret  session, low 4 | random 28 [| random]
 */
const SESSION_BITS = 19;
const SECRET_SESSION_BITS = 4;

export class CancelKeys<T> {
  readonly #prefix: number;
  /** The secret as latin1: a string is a third of a Buffer, and there are as many as clients. */
  readonly #sessions = new Map<number, { readonly target: T; readonly secret: string }>();
  #next = 1;

  constructor(node: number, worker: number) {
    this.#prefix = ((node & 0x3ff) << 21) | ((worker & 0x3f) << 15);
  }

  /** @param secretBytes 4 for protocol 3.0, up to 256 for 3.2 */
  issue(target: T, secretBytes = 4): CancelKey & { readonly number: number } {
    do this.#next = (this.#next + 1) % 2 ** SESSION_BITS;
    while (this.#sessions.has(this.#next) || this.#next >>> SECRET_SESSION_BITS === 0);
    const session = this.#next;
    const secret = pooledRandomBytes(secretBytes);
    secret[0] = ((session & 0xf) << 4) | ((secret[0] ?? 0) & 0xf);
    this.#sessions.set(session, { target, secret: secret.toString("latin1") });
    return { number: session, pid: this.#prefix | (session >>> SECRET_SESSION_BITS), secret };
  }

  /** @param number of the key, as it was issued */
  revoke(number: number): void {
    this.#sessions.delete(number);
  }

  /** Whose key it is; undefined for a wrong one, found out in constant time. */
  find(key: CancelKey): T | undefined {
    if ((key.pid & ~0x7fff) !== this.#prefix || key.secret.length < 4) return undefined;
    const found = this.#sessions.get(sessionOf(key));
    return found?.secret.length === key.secret.length &&
      timingSafeEqual(Buffer.from(found.secret, "latin1"), key.secret)
      ? found.target
      : undefined;
  }
}

/** Whose a key says that it is. */
export function placeOf({ pid }: CancelKey): { readonly node: number; readonly worker: number } {
  return { node: pid >>> 21, worker: (pid >>> 15) & 0x3f };
}

function sessionOf(key: CancelKey): number {
  return ((key.pid & 0x7fff) << SECRET_SESSION_BITS) | (key.secret.readUInt32BE(0) >>> 28);
}
