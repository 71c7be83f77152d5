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

/** To a client that has not logged in yet: drivers that know several hosts go on to the next one at this code. */
export class ShuttingDown extends SluiceError {
  constructor() {
    super({
      code: "ESHUTTINGDOWN",
      kind: "unavailable",
      sqlstate: "57P03",
      clientMessage: "the database system is shutting down",
    });
  }
}

export class ReplicationInTransactionMode extends SluiceError {
  constructor() {
    super({
      code: "EREPLICATION",
      kind: "invalid",
      sqlstate: "0A000",
      clientMessage: "replication connections are served in session mode only",
      hint: "Connect to the port of session mode.",
    });
  }
}
