import { SluiceError } from "../errors/index.js";

/** Somebody else listens where the server was to listen. */
export class PortTaken extends SluiceError {
  readonly port: number;

  constructor(port: number) {
    super({
      code: "EPORTTAKEN",
      kind: "conflict",
      clientMessage: `port ${port} on 127.0.0.1 is taken`,
    });
    this.port = port;
  }
}
