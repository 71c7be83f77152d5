/** What went wrong, as far as whoever asked needs to know in order to act. */
export type FailureKind =
  | "invalid"
  | "unauthenticated"
  | "forbidden"
  | "not-found"
  | "conflict"
  | "limit"
  | "timeout"
  | "unavailable"
  | "internal";

export interface Failure {
  /** Stable, listed in docs/errors.md, for instance `ENOTFOUND`. */
  readonly code: string;
  readonly kind: FailureKind;
  /** All that a stranger may read. */
  readonly clientMessage: string;
  /** PostgreSQL's Appendix A; `XX000` where the error never reaches a Postgres client. */
  readonly sqlstate?: string;
  /** What a Postgres client may do about it. */
  readonly hint?: string;
  /** For the log only. Nothing secret. */
  readonly detail?: string;
  readonly cause?: unknown;
}

/** The base of every error that is ours. `message` is for the log, `clientMessage` for the other side. */
export class SluiceError extends Error {
  readonly code: string;
  readonly kind: FailureKind;
  readonly clientMessage: string;
  readonly sqlstate: string;
  readonly hint: string | undefined;

  constructor(failure: Failure) {
    const message = failure.detail ? `${failure.clientMessage}: ${failure.detail}` : failure.clientMessage;
    super(message, failure.cause === undefined ? undefined : { cause: failure.cause });
    this.name = new.target.name;
    this.code = failure.code;
    this.kind = failure.kind;
    this.clientMessage = failure.clientMessage;
    this.sqlstate = failure.sqlstate ?? "XX000";
    this.hint = failure.hint;
  }

  /** Any thrown value as a SluiceError; what is not ours becomes EINTERNAL with the original as `cause`. */
  static from(thrown: unknown): SluiceError {
    if (thrown instanceof SluiceError) return thrown;
    return new SluiceError({
      code: "EINTERNAL",
      kind: "internal",
      clientMessage: "internal error",
      detail: messageOf(thrown),
      cause: thrown,
    });
  }
}

/** The text of anything that was thrown. */
export function messageOf(thrown: unknown): string {
  if (thrown instanceof AggregateError && thrown.message === "") {
    return thrown.errors.map(messageOf).join("; ");
  }
  return thrown instanceof Error ? thrown.message : String(thrown);
}

/** `ECONNREFUSED`, `ENOENT` and the like, from errors of Node's system calls. */
export function systemCodeOf(thrown: unknown): string | undefined {
  if (thrown instanceof AggregateError) return systemCodeOf(thrown.errors.at(-1));
  if (typeof thrown !== "object" || thrown === null || !("code" in thrown)) return undefined;
  return typeof thrown.code === "string" ? thrown.code : undefined;
}
