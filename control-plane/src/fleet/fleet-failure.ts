import { SluiceError } from "@sluice/shared/errors";
import { type InstanceName, nameOf } from "./instance.js";

export class InstanceUnknown extends SluiceError {
  constructor(name: InstanceName) {
    super({
      code: "EINSTANCEUNKNOWN",
      kind: "not-found",
      clientMessage: `there is no data plane ${nameOf(name)}`,
    });
  }
}

export class InstanceConnected extends SluiceError {
  constructor(name: InstanceName) {
    super({
      code: "EINSTANCECONNECTED",
      kind: "conflict",
      clientMessage: `${nameOf(name)} is connected; only one that is away can be forgotten`,
    });
  }
}

export class KeyNotWaiting extends SluiceError {
  constructor(name: InstanceName) {
    super({
      code: "EKEYNOTWAITING",
      kind: "conflict",
      clientMessage: `${nameOf(name)} has no waiting key with this fingerprint`,
    });
  }
}

export class GenerationUnknown extends SluiceError {
  constructor(generation: bigint) {
    super({
      code: "EGENERATIONUNKNOWN",
      kind: "not-found",
      clientMessage: `there is no generation ${generation} yet`,
    });
  }
}

/** The database answers, and takes one of these notes never: a value out of its range, a text that it cannot keep. */
export class NotesRefused extends SluiceError {
  constructor(cause: unknown) {
    super({
      code: "ENOTESREFUSED",
      kind: "invalid",
      clientMessage: "the database does not take what a data plane has said",
      cause,
    });
  }
}
