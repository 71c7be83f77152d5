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
          ? "a bearer token is needed: Authorization: Bearer <JWT>"
          : `the bearer token is refused: ${reason}`,
    });
    this.reason = reason;
  }
}

/** The keys that tokens are checked with cannot be fetched (API_JWKS_URL). */
export class TokenKeysUnavailable extends SluiceError {
  constructor(cause: unknown) {
    super({
      code: "ETOKENKEYS",
      kind: "unavailable",
      clientMessage: "the keys that bearer tokens are checked with cannot be fetched; try again",
      cause,
    });
  }
}
