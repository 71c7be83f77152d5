import { SluiceError } from "@sluice/shared/errors";

/** The bearer token is missing, or refused for a reason that its holder may read. */
export class BearerTokenRefused extends SluiceError {
  /** Undefined: there was no token. */
  readonly reason: string | undefined;

  constructor(reason: string | undefined) {
    super({
      code: "EBEARERTOKEN",
      kind: "unauthenticated",
      clientMessage:
        reason === undefined
          ? "a bearer token is needed: Authorization: Bearer <JWT signed by API_JWT_SECRET>"
          : `the bearer token is refused: ${reason}`,
    });
    this.reason = reason;
  }
}
