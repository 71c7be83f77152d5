import { SluiceError } from "@sluice/shared/errors";

/** The first packets are not what the protocol has there. */
export class BadStartupMessage extends SluiceError {
  constructor(what: string) {
    super({
      code: "ESTARTUPMESSAGE",
      kind: "invalid",
      sqlstate: "08P01",
      clientMessage: `(ESTARTUPMESSAGE) Invalid startup message: ${what}`,
    });
  }
}

export class StartupPacketTooLarge extends SluiceError {
  constructor(bytes: number, most: number) {
    super({
      code: "ESTARTUPPACKETTOOLARGE",
      kind: "invalid",
      sqlstate: "08P01",
      clientMessage: `(ESTARTUPPACKETTOOLARGE) Startup packet too large: ${bytes} bytes (max ${most} bytes)`,
    });
  }
}

/** PostgreSQL's own words for it. */
export class UnsupportedProtocol extends SluiceError {
  /** Its clients do not know today's ErrorResponse. Version 0.0 was never spoken: PostgreSQL answers it in today's form. */
  readonly isOlder: boolean;

  constructor(version: number) {
    super({
      code: "EPROTOCOLVERSION",
      kind: "invalid",
      sqlstate: "0A000",
      clientMessage: `unsupported frontend protocol ${version >>> 16}.${version & 0xffff}: server supports 3.0 to 3.2`,
    });
    this.isOlder = version !== 0 && version >>> 16 < 3;
  }
}
