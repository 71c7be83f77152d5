import { SluiceError } from "@sluice/shared/errors";

/** Says the same for an unknown user and a wrong password, so that a stranger learns nothing. */
export class WrongPassword extends SluiceError {
  constructor(user: string) {
    super({
      code: "EWRONGPASSWORD",
      kind: "unauthenticated",
      sqlstate: "28P01",
      clientMessage: `password authentication failed for user "${user}"`,
    });
  }
}

export class AuthProtocolViolation extends SluiceError {
  constructor(detail: string) {
    super({
      code: "EAUTHPROTOCOL",
      kind: "invalid",
      sqlstate: "08P01",
      clientMessage: "(EAUTHPROTOCOL) protocol violation during authentication",
      detail,
    });
  }
}
