import { SluiceError } from "@sluice/shared/errors";

export class LoginTimeout extends SluiceError {
  constructor() {
    super({
      code: "EAUTHTIMEOUT",
      kind: "timeout",
      sqlstate: "08006",
      clientMessage: "(EAUTHTIMEOUT) timeout while waiting for message",
    });
  }
}

export class Terminated extends SluiceError {
  constructor() {
    super({
      code: "ETERMINATED",
      kind: "unavailable",
      sqlstate: "57P01",
      clientMessage: "terminating connection due to administrator command",
    });
  }
}

export class ReplicationNotSupported extends SluiceError {
  constructor() {
    super({
      code: "EREPLICATION",
      kind: "invalid",
      sqlstate: "0A000",
      clientMessage: "replication connections are not supported",
    });
  }
}
