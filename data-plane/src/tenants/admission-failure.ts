import { SluiceError } from "@sluice/shared/errors";

export class TenantBanned extends SluiceError {
  constructor(reason: string) {
    super({
      code: "EBANNED",
      kind: "forbidden",
      sqlstate: "28000",
      clientMessage: `(EBANNED) tenant is banned: ${reason}`,
    });
  }
}

export class SslRequired extends SluiceError {
  constructor(user: string) {
    super({
      code: "ESSLREQUIRED",
      kind: "forbidden",
      sqlstate: "28000",
      clientMessage: `(ESSLREQUIRED) SSL connection is required for user: ${user}`,
    });
  }
}

export class ClientCertificateRequired extends SluiceError {
  constructor(detail: string) {
    super({
      code: "ECLIENTCERT",
      kind: "forbidden",
      sqlstate: "28000",
      clientMessage: "(ECLIENTCERT) connection requires a valid client certificate",
      detail,
    });
  }
}

export class AddressNotAllowed extends SluiceError {
  constructor(address: string) {
    super({
      code: "EADDRNOTALLOWED",
      kind: "forbidden",
      sqlstate: "28000",
      clientMessage: `(EADDRNOTALLOWED) address not in tenant allow_list: ${address}`,
    });
  }
}

export class TooManyFailedLogins extends SluiceError {
  constructor() {
    super({
      code: "ECIRCUITBREAKER",
      kind: "limit",
      sqlstate: "53400",
      clientMessage:
        "(ECIRCUITBREAKER) too many authentication failures, new connections are temporarily blocked",
    });
  }
}

export class TooManyUnauthenticated extends SluiceError {
  constructor() {
    super({
      code: "EMAXUNAUTHENTICATED",
      kind: "limit",
      sqlstate: "53300",
      clientMessage: "(EMAXUNAUTHENTICATED) too many connections that have not logged in yet",
    });
  }
}

export class TooManyClients extends SluiceError {
  constructor(limit: number) {
    super({
      code: "EMAXCONN",
      kind: "limit",
      sqlstate: "53300",
      clientMessage: `(EMAXCONN) max client connections reached, limit: ${limit}`,
    });
  }
}

export class TooManySessionClients extends SluiceError {
  constructor(limit: number) {
    super({
      code: "EMAXCONNSESSION",
      kind: "limit",
      sqlstate: "53300",
      clientMessage: `(EMAXCONNSESSION) max clients reached in session mode, limit: ${limit}`,
    });
  }
}
