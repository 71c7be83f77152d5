import { SluiceError } from "@sluice/shared/errors";

/** Logging in to a tenant's server went wrong on the server's side of the protocol. */
export class ServerAuthFailure extends SluiceError {
  constructor(detail: string) {
    super({
      code: "ESERVERAUTH",
      kind: "unavailable",
      sqlstate: "08006",
      clientMessage: "Failed to connect to database: authentication with the server failed",
      detail,
    });
  }
}
