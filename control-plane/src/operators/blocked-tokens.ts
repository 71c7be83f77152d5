import { signedPart } from "./token-spelling.js";

/**
 * Tokens that are refused before they expire. They are told by what is signed: a signature has other spellings, and by
 * ECDSA whoever has one can make another that is as good, without the key.
 */
export class BlockedTokens {
  readonly #entries: ReadonlySet<string>;
  readonly #signedParts: ReadonlySet<string>;

  /** @param entries whole tokens, or their `jti` where the caller asks for those. */
  constructor(entries: readonly string[] = []) {
    this.#entries = new Set(entries);
    this.#signedParts = new Set(entries.map(signedPart).filter((part) => part.includes(".")));
  }

  has(token: string): boolean {
    return this.#signedParts.has(signedPart(token));
  }

  hasId(jti: string): boolean {
    return this.#entries.has(jti);
  }
}
