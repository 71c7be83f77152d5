import { SluiceError, systemCodeOf } from "@sluice/shared/errors";

/** The database does not answer; what was asked for did not happen, and may be asked for again. */
export class StoreUnavailable extends SluiceError {
  constructor(cause: unknown) {
    super({
      code: "ESTOREUNAVAILABLE",
      kind: "unavailable",
      clientMessage: "the control plane's database does not answer; try again",
      cause,
    });
  }
}

const LOST =
  /^(ECONN(REFUSED|RESET|ABORTED)|ETIMEDOUT|EPIPE|ENOTFOUND|EAI_AGAIN|EHOSTUNREACH|ENETUNREACH|ENOENT)$/;
/**
 * PostgreSQL Appendix A: class 08 connection, 40 rollback (deadlock), 53 resources, 57P0x shutdown, 57014
 * statement_timeout, 55P03 lock.
 */
const UNAVAILABLE_SQLSTATE = /^(08|40|53)...$|^57P0[1-5]$|^57014$|^55P03$|^25P03$/;
/** What pg and its pool say without a code. */
const UNAVAILABLE_TEXT =
  /^(Connection terminated|timeout exceeded when trying to connect|Query read timeout|Client has encountered a connection error)/;

/** Tells a database that is away from every other failure. */
export async function orUnavailable<T>(work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    if (error instanceof SluiceError) throw error;
    const code = systemCodeOf(error) ?? "";
    const text = error instanceof Error ? error.message : "";
    if (LOST.test(code) || UNAVAILABLE_SQLSTATE.test(code) || UNAVAILABLE_TEXT.test(text)) {
      throw new StoreUnavailable(error);
    }
    throw error;
  }
}
