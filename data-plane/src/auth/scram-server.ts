import { createHmac, randomBytes, timingSafeEqual } from "node:crypto";
import { hmac, type ScramVerifier, sha256 } from "@sluice/shared/secrets";
import { AuthProtocolViolation } from "./auth-failure.js";
import { fromBase64, scramAttributes } from "./scram-attributes.js";

export const SCRAM_SHA_256 = "SCRAM-SHA-256";
const NONCE_BYTES = 18;

export type ScramOutcome =
  | { readonly accepted: true; readonly serverFinal: string; readonly clientKey: Buffer }
  | { readonly accepted: false };

/**
 * Our side of SCRAM-SHA-256 towards a client (RFC 5802, RFC 7677), as functions over messages. A verifier that
 * is a mock takes part like any other and is never accepted.
 */
export class ScramServer {
  readonly #verifier: ScramVerifier;
  readonly #mock: boolean;
  readonly #serverNonce: string;
  #phase:
    | { name: "start" }
    | { name: "challenged"; gs2: string; clientFirstBare: string; serverFirst: string; nonce: string } = {
    name: "start",
  };

  constructor(
    verifier: ScramVerifier,
    mock: boolean,
    serverNonce = randomBytes(NONCE_BYTES).toString("base64"),
  ) {
    this.#verifier = verifier;
    this.#mock = mock;
    this.#serverNonce = serverNonce;
  }

  /** client-first-message → server-first-message. Throws AuthProtocolViolation. */
  challenge(clientFirst: string): string {
    const match = /^(([ny]),([^,]*),)(.*)$/s.exec(clientFirst);
    if (match === null)
      throw new AuthProtocolViolation("bad GS2 header, or channel binding that was not offered");
    const [, gs2 = "", , authzid = "", bare = ""] = match;
    if (authzid !== "") throw new AuthProtocolViolation("authorization identity is not supported");
    const attributes = scramAttributes(bare);
    const clientNonce = attributes?.get("r");
    if (attributes === undefined || attributes.has("m") || clientNonce === undefined || clientNonce === "") {
      throw new AuthProtocolViolation("bad client-first-message");
    }
    const nonce = clientNonce + this.#serverNonce;
    const { salt, iterations } = this.#verifier;
    const serverFirst = `r=${nonce},s=${salt.toString("base64")},i=${iterations}`;
    this.#phase = { name: "challenged", gs2, clientFirstBare: bare, serverFirst, nonce };
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
    if (attributes.get("c") !== Buffer.from(phase.gs2).toString("base64")) {
      throw new AuthProtocolViolation("channel binding does not match the GS2 header");
    }
    if (attributes.get("r") !== phase.nonce) throw new AuthProtocolViolation("nonce does not match");
    const authMessage = `${phase.clientFirstBare},${phase.serverFirst},${clientFinal.slice(0, proofAt)}`;
    const signature = hmac(this.#verifier.storedKey, authMessage);
    const clientKey = Buffer.alloc(32);
    for (let i = 0; i < 32; i++) clientKey[i] = (proof[i] ?? 0) ^ (signature[i] ?? 0);
    const matches = timingSafeEqual(sha256(clientKey), this.#verifier.storedKey);
    if (!matches || this.#mock) return { accepted: false };
    const serverSignature = createHmac("sha256", this.#verifier.serverKey)
      .update(authMessage)
      .digest("base64");
    return { accepted: true, serverFinal: `v=${serverSignature}`, clientKey };
  }
}
