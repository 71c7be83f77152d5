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

/** The client asked nothing for as long as its tenant allows. */
export class ClientIdleTimeout extends SluiceError {
  constructor() {
    super({
      code: "EIDLE",
      kind: "timeout",
      sqlstate: "57P05",
      clientMessage: "terminating connection due to idle-session timeout",
    });
  }
}

export class IdleTransactionTimeout extends SluiceError {
  constructor() {
    super({
      code: "EIDLETRANSACTION",
      kind: "timeout",
      sqlstate: "25P03",
      clientMessage: "terminating connection due to idle-in-transaction timeout",
    });
  }
}

export class TransactionTimeout extends SluiceError {
  constructor() {
    super({
      code: "ETRANSACTIONTIMEOUT",
      kind: "timeout",
      sqlstate: "25P04",
      clientMessage: "terminating connection due to transaction timeout",
    });
  }
}
