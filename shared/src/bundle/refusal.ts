import { SluiceError } from "../errors/index.js";

/** Codes of a nack. Stable: operators alert on them. */
export type RefusalCode =
  | "TOO_LARGE"
  | "MALFORMED"
  | "NO_KEYSET"
  | "KEYSET_EXPIRED"
  | "KEYSET_OLDER"
  | "SIGNATURE"
  | "PAYLOAD_TYPE"
  | "WRONG_SCOPE"
  | "INCOMPATIBLE"
  | "EPOCH"
  | "OLDER"
  | "FORK"
  | "OTHER_BASE"
  | "CHUNK"
  | "ROOT_MISMATCH"
  | "MASS_REMOVAL"
  | "KEYRING"
  | "EXPIRED"
  | "NOT_DURABLE"
  | "NOT_APPLIED";

/** Signed configuration that is not taken. What was in force stays in force. */
export class BundleRefused extends SluiceError {
  readonly refusal: RefusalCode;

  constructor(refusal: RefusalCode, message: string, detail?: string, cause?: unknown) {
    super({
      code: `EBUNDLE_${refusal}`,
      kind: "invalid",
      clientMessage: message,
      ...(detail === undefined ? {} : { detail }),
      cause,
    });
    this.refusal = refusal;
  }
}

export class BundleTooLarge extends BundleRefused {
  constructor(what: string, size: number | bigint, most: number) {
    super("TOO_LARGE", `${what} is too large`, `${size}, the bound is ${most}`);
  }
}

export class BundleMalformed extends BundleRefused {
  constructor(what: string, detail?: string, cause?: unknown) {
    super("MALFORMED", `${what} is malformed`, detail, cause);
  }
}

/** Altered on the way, or signed by a key that is not trusted: the two cannot be told apart. */
export class SignatureRefused extends BundleRefused {
  constructor(detail: string) {
    super("SIGNATURE", "no trusted signature", detail);
  }
}

export class PayloadTypeRefused extends BundleRefused {
  constructor(found: string, wanted: string) {
    super("PAYLOAD_TYPE", "another payload type", `${JSON.stringify(found.slice(0, 100))}, wanted ${wanted}`);
  }
}

export class ChunkRefused extends BundleRefused {
  constructor(detail: string) {
    super("CHUNK", "a chunk is not the one that the manifest names", detail);
  }
}

export class KeysetOlder extends BundleRefused {
  constructor(detail: string) {
    super("KEYSET_OLDER", "the keyset does not follow the one held", detail);
  }
}

export class KeysetExpired extends BundleRefused {
  constructor(version: bigint, expiredAt: Date) {
    super(
      "KEYSET_EXPIRED",
      "the keyset has expired",
      `version ${version}, at ${expiredAt.toISOString()}; publish a new one`,
    );
  }
}
