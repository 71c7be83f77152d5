import { SluiceError } from "@sluice/shared/errors";

/** A tenant's server could not be reached. The client reads the reason in general; the log has the detail. */
export class UpstreamUnreachable extends SluiceError {
  constructor(reason: string, detail?: string, cause?: unknown) {
    super({
      code: "EUPSTREAM",
      kind: "unavailable",
      sqlstate: "08006",
      clientMessage: `Failed to connect to database: ${reason}`,
      ...(detail === undefined ? {} : { detail }),
      ...(cause === undefined ? {} : { cause }),
    });
  }
}
