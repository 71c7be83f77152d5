import { SluiceError } from "@sluice/shared/errors";
import type { PoolMode } from "@sluice/shared/tenant";

export class CheckoutTimeout extends SluiceError {
  constructor(timeoutMs: number, mode: PoolMode) {
    const name = mode === "transaction" ? "Transaction" : "Session";
    super({
      code: "ECHECKOUTTIMEOUT",
      kind: "timeout",
      sqlstate: "53300",
      clientMessage: `(ECHECKOUTTIMEOUT) unable to check out connection from the pool after ${timeoutMs}ms in ${name} mode`,
    });
  }
}

/** The pool's tenant is gone or has other servers now. */
export class PoolRetired extends SluiceError {
  constructor() {
    super({
      code: "ETERMINATED",
      kind: "unavailable",
      sqlstate: "57P01",
      clientMessage: "terminating connection due to administrator command",
    });
  }
}

export class TooManyPools extends SluiceError {
  constructor(limit: number) {
    super({
      code: "EMAXPOOLSREACHED",
      kind: "limit",
      sqlstate: "53300",
      clientMessage: `(EMAXPOOLSREACHED) max pools count reached, limit: ${limit}`,
    });
  }
}
