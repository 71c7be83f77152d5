import { SluiceError } from "../errors/index.js";

/** The embedded server could not be made, started or stopped. */
export class PostgresFailure extends SluiceError {
  constructor(what: string, detail?: string) {
    super({
      code: "EPOSTGRES",
      kind: "unavailable",
      clientMessage: `embedded Postgres: ${what}`,
      ...(detail === undefined || detail === "" ? {} : { detail }),
    });
  }
}
