import { SluiceError } from "../errors/index.js";

/** A sealed secret or data key that does not open: wrong key, moved to another place, or altered. Says nothing of its content. */
export class SealBroken extends SluiceError {
  constructor(what: string, cause?: unknown) {
    super({ code: "ESEALBROKEN", kind: "invalid", clientMessage: `${what} cannot be opened`, cause });
  }
}

/** A key file, or key bytes, that cannot be used. */
export class KeyUnusable extends SluiceError {
  constructor(what: string, detail: string, cause?: unknown) {
    super({ code: "EKEYUNUSABLE", kind: "invalid", clientMessage: `${what} cannot be used`, detail, cause });
  }
}
