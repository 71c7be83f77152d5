import type { KeyObject } from "node:crypto";
import type { Clock } from "@sluice/shared/time";
import type { BlockedTokens } from "../operators/index.js";
import { type Caller, TokenRefused, verifyDataPlaneToken } from "./data-plane-token.js";

/** More than any fleet has; beyond it the one that was used least lately is verified again. */
const MOST_KNOWN = 1000;

/**
 * Tokens whose signature was good. A group shares one, and each data plane of it shows it with every ack: verified each
 * time it was a seventh of the control plane's processor time. One that is refused is never remembered.
 */
export class KnownTokens {
  readonly #publicKey: KeyObject;
  readonly #blocked: BlockedTokens;
  readonly #clock: Clock;
  /** The least recently used first. */
  readonly #known = new Map<string, Caller>();

  /** @param blocked tokens, or their `jti`, that are refused. */
  constructor(publicKey: KeyObject, blocked: BlockedTokens, clock: Clock) {
    this.#publicKey = publicKey;
    this.#blocked = blocked;
    this.#clock = clock;
  }

  /** @throws TokenRefused */
  async callerOf(token: string | undefined): Promise<Caller> {
    const known = token === undefined ? undefined : this.#known.get(token);
    if (token === undefined || known === undefined) {
      const caller = await verifyDataPlaneToken(token, this.#publicKey, this.#clock, this.#blocked);
      if (token !== undefined) this.#remember(token, caller);
      return caller;
    }
    if (this.#clock.now() >= known.expiresAtMs) {
      this.#known.delete(token);
      throw new TokenRefused("it has expired; mint a new one");
    }
    this.#remember(token, known);
    return known;
  }

  #remember(token: string, caller: Caller): void {
    this.#known.delete(token);
    this.#known.set(token, caller);
    const [oldest] = this.#known.keys();
    if (this.#known.size > MOST_KNOWN && oldest !== undefined) this.#known.delete(oldest);
  }
}
