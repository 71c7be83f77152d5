import { type Clock, Deadline, systemClock } from "@sluice/shared/time";
import { ApiNotUnderstood, ApiRefused, ApiUnreachable } from "./api-failure.js";
import type { HttpAnswer, HttpCall, HttpRequest } from "./http-call.js";
import { type Attempt, retried, retryAfterMs } from "./retry.js";

export interface ApiOptions {
  readonly endpoint: string;
  readonly token: string;
  readonly call: HttpCall;
  /** Of one request. */
  readonly requestTimeoutMs: number;
  /** Of all tries of one request together. */
  readonly retryTimeoutMs: number;
  readonly clock?: Clock;
  /** Ends waiting for another try. Default: never. */
  readonly interrupted?: AbortSignal;
}

export interface ApiRequest {
  readonly method: HttpRequest["method"];
  readonly path: string;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  /** Ends all tries. Default: the provider's `retry_timeout` from now. */
  readonly deadline?: Deadline | undefined;
}

export interface ApiAnswer<T> {
  readonly status: number;
  readonly data: T;
  readonly etag: string | undefined;
  /** Of the newest change of what was asked for, where the API tells it. */
  readonly generation: number | undefined;
}

/** A control plane that is restarted is back by then; a wrong endpoint should be told soon. */
const MOST_UNANSWERED = 5;

/**
 * The REST API of a control plane. A request that was turned away for now (429, 503) is sent again when the answer says
 * so; one that got no answer is sent again too, because every request here may be repeated: a PUT says what is wanted,
 * and a condition (`If-Match`) keeps a repetition from undoing what came between.
 */
export class Api {
  readonly endpoint: string;
  readonly clock: Clock;
  readonly interrupted: AbortSignal;
  readonly #options: ApiOptions;

  constructor(options: ApiOptions) {
    this.endpoint = options.endpoint.replace(/\/+$/, "");
    this.clock = options.clock ?? systemClock;
    this.interrupted = options.interrupted ?? new AbortController().signal;
    this.#options = options;
  }

  /** @throws ApiRefused, ApiUnreachable, ApiNotUnderstood */
  send<T>(request: ApiRequest): Promise<ApiAnswer<T>> {
    const deadline = request.deadline ?? Deadline.after(this.clock, this.#options.retryTimeoutMs);
    let unanswered = 0;
    let mayBeDone = false;
    return retried(
      async () => {
        const outcome = await this.#attempt<T>(request, deadline, mayBeDone);
        if (outcome.done) return outcome;
        mayBeDone ||= leavesOpen(outcome.failure);
        if (!(outcome.failure instanceof ApiUnreachable)) return outcome;
        unanswered += 1;
        if (unanswered === MOST_UNANSWERED) throw outcome.failure;
        return outcome;
      },
      deadline,
      this.clock,
      this.interrupted,
    );
  }

  async #attempt<T>(
    request: ApiRequest,
    deadline: Deadline,
    mayBeDone: boolean,
  ): Promise<Attempt<ApiAnswer<T>>> {
    const { method, path, body, headers = {} } = request;
    const url = this.endpoint + path;
    let answer: HttpAnswer;
    try {
      answer = await this.#options.call({
        method,
        path,
        headers: {
          accept: "application/json",
          authorization: `Bearer ${this.#options.token}`,
          "user-agent": "terraform-provider-sluice",
          ...(body === undefined ? {} : { "content-type": "application/json" }),
          ...headers,
        },
        body: body === undefined ? undefined : JSON.stringify(body),
        timeoutMs: Math.max(1, Math.ceil(Math.min(this.#options.requestTimeoutMs, deadline.remainingMs))),
      });
    } catch (error) {
      const failure = new ApiUnreachable(url, describe(error), method !== "GET");
      return { done: false, failure, afterMs: undefined };
    }
    if (answer.status === 429 || answer.status === 503) {
      const afterMs = retryAfterMs(answer.headers["retry-after"], this.clock.now());
      return { done: false, failure: refusal(answer, url, mayBeDone), afterMs };
    }
    if (answer.status < 200 || answer.status > 299) throw refusal(answer, url, mayBeDone);
    return { done: true, result: accepted<T>(answer, url) };
  }
}

/** The answer's shape is the API's promise; what is read of it is named in records.ts. */
function accepted<T>({ status, headers, text }: HttpAnswer, url: string): ApiAnswer<T> {
  const generation = headers["sluice-generation"];
  return {
    status,
    data: (text === "" ? undefined : parsed(text, url, status)) as T,
    etag: headers.etag,
    generation: typeof generation === "string" ? Number(generation) : undefined,
  };
}

/** A control plane says 503 too when it lost its database, perhaps in the middle of a commit. */
function leavesOpen(failure: Error): boolean {
  return !(failure instanceof ApiRefused) || failure.status === 503;
}

function refusal(
  { status, headers, text }: HttpAnswer,
  url: string,
  mayBeDone: boolean,
): ApiRefused | ApiNotUnderstood {
  let body: unknown;
  try {
    body = JSON.parse(text);
  } catch {
    return new ApiNotUnderstood(url, status);
  }
  const { error, errors } = Object(body) as { readonly error?: unknown; readonly errors?: unknown };
  const fields = typeof errors === "object" && errors !== null ? errors : {};
  const requestId = headers["x-request-id"];
  return new ApiRefused(
    status,
    typeof error === "string" ? error : `the answer was ${status}`,
    fields as Readonly<Record<string, readonly string[]>>,
    typeof requestId === "string" ? requestId : undefined,
    mayBeDone,
  );
}

function parsed(text: string, url: string, status: number): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new ApiNotUnderstood(url, status);
  }
}

function describe(error: unknown): string {
  if (error instanceof AggregateError) return error.errors.map(describe).join("; ");
  return error instanceof Error ? error.message : String(error);
}
