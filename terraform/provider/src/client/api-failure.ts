/** The API answered, and it is a no. */
export class ApiRefused extends Error {
  readonly status: number;
  /** Of a 422: by field, as the API names it. */
  readonly fields: Readonly<Record<string, readonly string[]>>;
  /** The answer's x-request-id, by which the control plane's log knows the request. */
  readonly requestId: string | undefined;
  /** An earlier try of this request ended without word of whether it was done: this no may be its consequence. */
  readonly mayBeDone: boolean;

  constructor(
    status: number,
    text: string,
    fields: Readonly<Record<string, readonly string[]>>,
    requestId: string | undefined,
    mayBeDone = false,
  ) {
    super(text);
    this.name = "ApiRefused";
    this.status = status;
    this.fields = fields;
    this.requestId = requestId;
    this.mayBeDone = mayBeDone;
  }
}

/** No answer, after all tries; for a change that means: perhaps done, perhaps not. */
export class ApiUnreachable extends Error {
  readonly url: string;
  readonly wasChange: boolean;

  constructor(url: string, detail: string, wasChange: boolean) {
    super(detail);
    this.name = "ApiUnreachable";
    this.url = url;
    this.wasChange = wasChange;
  }
}

/** What answers is not the API of a control plane. */
export class ApiNotUnderstood extends Error {
  constructor(url: string, status: number) {
    super(`${url} answered ${status} with something that is not JSON of the API: is it a control plane?`);
    this.name = "ApiNotUnderstood";
  }
}
