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

/** A client has prepared more than it may. */
export class TooManyStatements extends SluiceError {
  constructor() {
    super({
      code: "EMAXPREPARED",
      kind: "limit",
      sqlstate: "53400",
      clientMessage: "(EMAXPREPARED) too many prepared statements, or too large ones",
    });
  }
}

/** As many sessions keep a server to themselves as may. */
export class TooManyPinned extends SluiceError {
  constructor() {
    super({
      code: "EMAXPINNED",
      kind: "limit",
      sqlstate: "53400",
      clientMessage: "(EMAXPINNED) too many sessions keep a server to themselves (max_pinned)",
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
      clientMessage: "server closed the connection unexpectedly",
      hint: "The outcome of what was under way is unknown: check whether it took effect before repeating it.",
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
