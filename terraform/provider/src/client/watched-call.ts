import type { HttpCall } from "./http-call.js";

/** A request that is over, for a log: without its headers and bodies, which hold the token and passwords. */
export interface RequestOver {
  readonly method: string;
  readonly path: string;
  /** Undefined: there was no answer. */
  readonly status: number | undefined;
  readonly ms: number;
  /** By which the control plane's log knows it. */
  readonly requestId: string | undefined;
}

/** The same calls, each told of when it is over. */
export function watchedCall(call: HttpCall, tell: (over: RequestOver) => void): HttpCall {
  return async (request) => {
    const { method, path } = request;
    const began = performance.now();
    const over = (status?: number, requestId?: string): void =>
      tell({ method, path, status, ms: Math.round(performance.now() - began), requestId });
    try {
      const answer = await call(request);
      over(answer.status, answer.headers["x-request-id"]?.toString());
      return answer;
    } catch (error) {
      over();
      throw error;
    }
  };
}
