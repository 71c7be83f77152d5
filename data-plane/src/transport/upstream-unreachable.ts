import { SluiceError } from "@sluice/shared/errors";

/** A tenant's server could not be reached. The client reads the reason in general; the log has the detail. */
export class UpstreamUnreachable extends SluiceError {
  /** A restart or the network may explain it, so that it is worth trying again. */
  readonly mayPass: boolean;

  constructor(reason: string, detail?: string, cause?: unknown, mayPass = false) {
    super({
      code: "EUPSTREAM",
      kind: "unavailable",
      sqlstate: "08006",
      clientMessage: `Failed to connect to database: ${reason}`,
      ...(detail === undefined ? {} : { detail }),
      ...(cause === undefined ? {} : { cause }),
    });
    this.mayPass = mayPass;
  }
}
