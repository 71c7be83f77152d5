import { SluiceError } from "@sluice/shared/errors";

/** A request that HTTP itself refuses: its path, method, headers or syntax. */
export class RequestRefused extends SluiceError {
  readonly status: number;

  /** @param text for a person; it may quote the request's line, never its body. */
  constructor(status: number, text: string) {
    super({ code: "EREQUEST", kind: "invalid", clientMessage: text });
    this.status = status;
  }
}
