import { SluiceError } from "@sluice/shared/errors";

export class AuthQueryFailed extends SluiceError {
  constructor(what: string, cause?: unknown) {
    super({
      code: "EAUTHQUERY",
      kind: "unavailable",
      sqlstate: "58000",
      clientMessage: `(EAUTHQUERY) ${what}`,
      ...(cause === undefined ? {} : { cause }),
    });
  }
}
