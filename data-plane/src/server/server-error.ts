import { SluiceError } from "@sluice/shared/errors";
import type { ErrorFields } from "../wire/index.js";

/** An ErrorResponse of a server, kept with its SQLSTATE. */
export class ServerError extends SluiceError {
  readonly fields: ErrorFields;

  constructor(fields: ErrorFields) {
    const sqlstate = fields.get("C") ?? "";
    super({
      code: "ESERVER",
      kind: "unavailable",
      sqlstate: /^[0-9A-Z]{5}$/.test(sqlstate) ? sqlstate : "XX000",
      clientMessage: fields.get("M") ?? "the server sent an error without a message",
    });
    this.fields = fields;
  }
}

/** The connection to a server ended where it should not. */
export class ServerGone extends SluiceError {
  constructor(detail: string, cause?: unknown) {
    super({
      code: "ESERVERGONE",
      kind: "unavailable",
      sqlstate: "08006",
      clientMessage: "server closed the connection unexpectedly",
      detail,
      cause,
    });
  }
}
