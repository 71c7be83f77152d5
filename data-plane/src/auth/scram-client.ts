import { randomBytes, timingSafeEqual } from "node:crypto";
import { deriveScramKeys, hmac, type ScramKeys, sha256 } from "@sluice/shared/secrets";
import { fromBase64, scramAttributes } from "./scram-attributes.js";
import { SCRAM_SHA_256, SCRAM_SHA_256_PLUS } from "./scram-server.js";
import { ServerAuthFailure } from "./server-auth-failure.js";

/** A malicious server could make us hash for minutes. */
const MOST_ITERATIONS = 1_000_000;
const MOST_MESSAGE_BYTES = 4096;

/** Keys for the salt that a server names; derived (and cached) from a password, or what a client's proof gave. */
export type ScramKeySource = (salt: Buffer, iterations: number) => Promise<ScramKeys>;

/** Hashes a password for one salt. */
export type DeriveKeys = (password: string, salt: Buffer, iterations: number) => Promise<ScramKeys>;

/** Keys from a password; the last result is kept, since a server names the same salt each time. */
export function keysFromPassword(password: string, derive: DeriveKeys = deriveScramKeys): ScramKeySource {
  let cached:
    | { readonly salt: Buffer; readonly iterations: number; readonly keys: Promise<ScramKeys> }
    | undefined;
  return (salt, iterations) => {
    if (cached === undefined || !cached.salt.equals(salt) || cached.iterations !== iterations) {
      const own = Buffer.from(salt);
      const made = { salt: own, iterations, keys: derive(password, own, iterations) };
      cached = made;
      // One that there was no room for is tried again.
      made.keys.catch(() => {
        if (cached === made) cached = undefined;
      });
    }
    return cached.keys;
  };
}

/**
 * Our side of SCRAM-SHA-256 and -PLUS towards a server (RFC 5802, RFC 7677, RFC 5929). Trusts nothing that the server
 * says.
 */
export class ScramClient {
  readonly #keySource: ScramKeySource;
  readonly #endPoint: Buffer | undefined;
  readonly #nonce: string;
  readonly #firstBare: string;
  #gs2 = "n,,";
  #bound: Buffer = Buffer.alloc(0);
  #expectedSignature: Buffer | undefined;

  /** @param endPoint `tls-server-end-point` of the connection; undefined without TLS */
  constructor(keySource: ScramKeySource, endPoint?: Buffer, nonce = randomBytes(18).toString("base64")) {
    this.#keySource = keySource;
    this.#endPoint = endPoint;
    this.#nonce = nonce;
    // PostgreSQL takes the user from the startup packet and ignores the one here.
    this.#firstBare = `n=,r=${nonce}`;
  }

  /** The mechanism that is taken of those offered, and client-first-message. @throws ServerAuthFailure */
  first(offered: readonly string[]): { readonly mechanism: string; readonly message: string } {
    if (this.#endPoint !== undefined && offered.includes(SCRAM_SHA_256_PLUS)) {
      this.#gs2 = "p=tls-server-end-point,,";
      this.#bound = this.#endPoint;
      return { mechanism: SCRAM_SHA_256_PLUS, message: this.#gs2 + this.#firstBare };
    }
    if (!offered.includes(SCRAM_SHA_256))
      throw new ServerAuthFailure(`no mechanism in common: ${offered.join(", ").slice(0, 200)}`);
    // "I could": a server that did offer -PLUS then knows that somebody took it off its list.
    this.#gs2 = this.#endPoint === undefined ? "n,," : "y,,";
    return { mechanism: SCRAM_SHA_256, message: this.#gs2 + this.#firstBare };
  }

  async respond(serverFirst: string): Promise<string> {
    const attributes = serverFirst.length <= MOST_MESSAGE_BYTES ? scramAttributes(serverFirst) : undefined;
    const nonce = attributes?.get("r");
    const salt = fromBase64(attributes?.get("s"));
    const iterations = Number(attributes?.get("i"));
    if (
      nonce === undefined ||
      salt === undefined ||
      salt.length === 0 ||
      !nonce.startsWith(this.#nonce) ||
      nonce === this.#nonce
    ) {
      throw new ServerAuthFailure("bad server-first-message");
    }
    if (!Number.isInteger(iterations) || iterations < 1 || iterations > MOST_ITERATIONS) {
      throw new ServerAuthFailure(`iteration count ${attributes?.get("i")?.slice(0, 20)} is out of bounds`);
    }
    const keys = await this.#keySource(salt, iterations);
    const binding = Buffer.concat([Buffer.from(this.#gs2), this.#bound]).toString("base64");
    const withoutProof = `c=${binding},r=${nonce}`;
    const authMessage = `${this.#firstBare},${serverFirst},${withoutProof}`;
    const signature = hmac(sha256(keys.clientKey), authMessage);
    const proof = Buffer.alloc(32);
    for (let i = 0; i < 32; i++) proof[i] = (keys.clientKey[i] ?? 0) ^ (signature[i] ?? 0);
    this.#expectedSignature = hmac(keys.serverKey, authMessage);
    return `${withoutProof},p=${proof.toString("base64")}`;
  }

  /** Throws unless the server has shown that it knows the verifier. */
  verify(serverFinal: string): void {
    const signature = fromBase64(scramAttributes(serverFinal)?.get("v"));
    const expected = this.#expectedSignature;
    if (
      expected === undefined ||
      signature?.length !== expected.length ||
      !timingSafeEqual(signature, expected)
    ) {
      throw new ServerAuthFailure("the server's signature is wrong");
    }
  }
}
