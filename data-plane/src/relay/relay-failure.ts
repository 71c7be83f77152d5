import { SluiceError } from "@sluice/shared/errors";

export class QueryCanceled extends SluiceError {
  constructor() {
    super({
      code: "ECANCELED",
      kind: "timeout",
      sqlstate: "57014",
      clientMessage: "canceling statement due to user request",
    });
  }
}

export class UnnamedStatementGone extends SluiceError {
  constructor() {
    super({
      code: "EUNNAMEDSTATEMENT",
      kind: "invalid",
      sqlstate: "26000",
      clientMessage: "unnamed prepared statement does not exist",
    });
  }
}

/** The server went while it worked for this client. */
export class OutcomeUnknown extends SluiceError {
  constructor(cause: Error) {
    super({
      code: "ESERVERGONE",
      kind: "unavailable",
      sqlstate: "08006",
      clientMessage: "server closed the connection unexpectedly; the outcome of the statement is unknown",
      cause,
    });
  }
}
