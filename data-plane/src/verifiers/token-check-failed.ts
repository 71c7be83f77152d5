import { SluiceError } from "@sluice/shared/errors";

export class TokenCheckFailed extends SluiceError {
  constructor(user: string, detail: string, cause?: unknown) {
    super({
      code: "EJITREQUESTFAILED",
      kind: "unavailable",
      sqlstate: "58000",
      clientMessage: `(EJITREQUESTFAILED) failed to reach JIT provider for user "${user}"`,
      detail,
      ...(cause === undefined ? {} : { cause }),
    });
  }
}
