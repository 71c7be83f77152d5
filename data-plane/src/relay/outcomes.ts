import type { SluiceError } from "@sluice/shared/errors";
import type { Outcome } from "../server/index.js";
import { errorResponse } from "../wire/index.js";

/** What a replaced message is answered with: the server's error gives way to ours. */
export interface Refusal extends Outcome {
  readonly message: Buffer;
}

/** An entry of the ledger that listens to CommandComplete. */
export interface Tagged extends Outcome {
  tag?(tag: string): void;
  /** A query of ours follows that brings back what the client came with. */
  readonly resets?: boolean;
}

export const NOTHING: Outcome = { done: () => undefined, failed: () => undefined };
/** Of what resets settings, when nothing else is to be known of it. */
export const RESETS: Tagged = { ...NOTHING, resets: true };
/** Of the query of ours behind it. */
export const RESTORES: Outcome = { ...NOTHING };
/** Of a Parse of ours whose error the client is not to see. */
export const MATERIALISED: Outcome = { ...NOTHING };
/** Of settings that were joined to the client's first message. */
export const JOINED: Outcome = { ...NOTHING };

export function refusalBy(error: SluiceError): Refusal {
  return { ...NOTHING, message: errorResponse("ERROR", error.sqlstate, error.clientMessage) };
}
