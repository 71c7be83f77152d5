import { timingSafeEqual } from "node:crypto";
import { hmac, pooledRandomBytes, type ScramVerifier, sha256 } from "@sluice/shared/secrets";
import { AuthProtocolViolation } from "./auth-failure.js";
import { fromBase64, scramAttributes } from "./scram-attributes.js";

export const SCRAM_SHA_256 = "SCRAM-SHA-256";
export const SCRAM_SHA_256_PLUS = "SCRAM-SHA-256-PLUS";
const UNBOUND: readonly string[] = [SCRAM_SHA_256];
const BOUND: readonly string[] = [SCRAM_SHA_256_PLUS, SCRAM_SHA_256];
const NONCE_BYTES = 18;
const MOST_MESSAGE_BYTES = 4096;
const NOTHING = Buffer.alloc(0);

export type ScramOutcome =
  | { readonly accepted: true; readonly serverFinal: string; readonly clientKey: Buffer }
  | { readonly accepted: false };

/**
 * Our side of SCRAM-SHA-256 and SCRAM-SHA-256-PLUS towards a client (RFC 5802, RFC 7677, RFC 5929), as functions over
 * messages. A verifier that is a mock takes part like any other and is never accepted.
 */
export class ScramServer {
  readonly #verifier: ScramVerifier;
  readonly #mock: boolean;
  readonly #endPoint: Buffer | undefined;
  readonly #serverNonce: string;
  #phase:
    | { name: "start" }
    | { name: "challenged"; binding: string; clientFirstBare: string; serverFirst: string; nonce: string } = {
    name: "start",
  };

  /** @param endPoint `tls-server-end-point` of this connection; with it -PLUS is offered */

  constructor(
    verifier: ScramVerifier,
    mock: boolean,
    endPoint?: Buffer,
    serverNonce = pooledRandomBytes(NONCE_BYTES).toString("base64"),
  ) {
    this.#verifier = verifier;
    this.#mock = mock;
    this.#endPoint = endPoint;
    this.#serverNonce = serverNonce;
  }

  get mechanisms(): readonly string[] {
    return this.#endPoint === undefined ? UNBOUND : BOUND;
  }

  /** client-first-message → server-first-message. @throws AuthProtocolViolation */
  challenge(mechanism: string, clientFirst: string): string {
    if (!this.mechanisms.includes(mechanism)) throw new AuthProtocolViolation("mechanism was not offered");
    const match = /^((p=[^,]*|[ny]),([^,]*),)(.*)$/s.exec(clientFirst);
    if (match === null || clientFirst.length > MOST_MESSAGE_BYTES)
      throw new AuthProtocolViolation("bad client-first-message");
    const [, gs2 = "", flag = "", authzid = "", bare = ""] = match;
    const bound = this.#boundBy(mechanism, flag);
    if (authzid !== "") throw new AuthProtocolViolation("authorization identity is not supported");
    const attributes = scramAttributes(bare);
    const clientNonce = attributes?.get("r");
    if (attributes === undefined || attributes.has("m") || clientNonce === undefined || clientNonce === "") {
      throw new AuthProtocolViolation("bad client-first-message");
    }
    const nonce = clientNonce + this.#serverNonce;
    const { salt, iterations } = this.#verifier;
    const serverFirst = `r=${nonce},s=${salt.toString("base64")},i=${iterations}`;
    const binding = Buffer.concat([Buffer.from(gs2), bound]).toString("base64");
    this.#phase = { name: "challenged", binding, clientFirstBare: bare, serverFirst, nonce };
    return serverFirst;
  }

  /** client-final-message → the outcome, with the ClientKey that the proof gives away. */
  finish(clientFinal: string): ScramOutcome {
    const phase = this.#phase;
    if (phase.name !== "challenged") throw new AuthProtocolViolation("client-final-message out of order");
    const proofAt = clientFinal.lastIndexOf(",p=");
    const attributes = scramAttributes(clientFinal);
    const proof = fromBase64(attributes?.get("p"));
    if (attributes === undefined || proofAt === -1 || proof === undefined || proof.length !== 32) {
      throw new AuthProtocolViolation("bad client-final-message");
    }
    if (attributes.get("c") !== phase.binding)
      throw new AuthProtocolViolation("channel binding does not match");
    if (attributes.get("r") !== phase.nonce) throw new AuthProtocolViolation("nonce does not match");
    const authMessage = `${phase.clientFirstBare},${phase.serverFirst},${clientFinal.slice(0, proofAt)}`;
    const signature = hmac(this.#verifier.storedKey, authMessage);
    const clientKey = Buffer.alloc(32);
    for (let i = 0; i < 32; i++) clientKey[i] = (proof[i] ?? 0) ^ (signature[i] ?? 0);
    const matches = timingSafeEqual(sha256(clientKey), this.#verifier.storedKey);
    if (!matches || this.#mock) return { accepted: false };
    const serverSignature = hmac(this.#verifier.serverKey, authMessage).toString("base64");
    return { accepted: true, serverFinal: `v=${serverSignature}`, clientKey };
  }

  /** What the client's channel binding must hold behind its GS2 header. */
  #boundBy(mechanism: string, flag: string): Buffer {
    if (mechanism === SCRAM_SHA_256_PLUS) {
      if (flag !== "p=tls-server-end-point" || this.#endPoint === undefined)
        throw new AuthProtocolViolation("unsupported channel binding");
      return this.#endPoint;
    }
    if (flag.startsWith("p")) throw new AuthProtocolViolation("channel binding without -PLUS");
    // It could have used -PLUS and believes that we cannot: somebody in between took it off our list.
    if (flag === "y" && this.#endPoint !== undefined)
      throw new AuthProtocolViolation("downgrade: the client did not see -PLUS among our mechanisms");
    return NOTHING;
  }
}
