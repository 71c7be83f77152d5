import { SluiceError } from "@sluice/shared/errors";

/** Whoever asked is to ask again: what it was being sent has been replaced since. */
export class SnapshotGone extends SluiceError {
  constructor(scope: string, generation: bigint) {
    super({
      code: "ESNAPSHOTGONE",
      kind: "unavailable",
      clientMessage: "the snapshot was replaced while it was being sent; ask again",
      detail: `${scope}, generation ${generation}`,
    });
  }
}

export class ScopeUnknown extends SluiceError {
  constructor(scope: string) {
    super({
      code: "ESCOPEUNKNOWN",
      kind: "not-found",
      clientMessage: "this scope has no configuration yet",
      detail: scope,
    });
  }
}

/** The keyset limits this control plane's key to other scopes: data planes of this one would refuse what it signs. */
export class KeyNotForScope extends SluiceError {
  constructor(scope: string, keyId: string) {
    super({
      code: "EKEYNOTFORSCOPE",
      kind: "unavailable",
      clientMessage: "this control plane may not sign for this scope",
      detail: `${scope}, key ${keyId}; give it one in CONFIG_KEY_PATH that the keyset allows, or change the keyset`,
    });
  }
}

/** The keyset and the signing key that this control plane was given do not go together. */
export class KeysetUnusable extends SluiceError {
  constructor(problem: string, cause?: unknown) {
    super({ code: "EKEYSET", kind: "invalid", clientMessage: `KEYSET_PATH: ${problem}`, cause });
  }
}
