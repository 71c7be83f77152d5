import { SluiceError } from "@sluice/shared/errors";

/** The other side does not speak the protocol. Whatever follows on this connection cannot be trusted. */
export class MalformedMessage extends SluiceError {
  readonly what: string;

  constructor(what: string) {
    super({
      code: "EPROTOCOL",
      kind: "invalid",
      sqlstate: "08P01",
      clientMessage: `invalid frontend message: ${what}`,
    });
    this.what = what;
  }
}
