import type { ReleaseReport } from "../pool/index.js";
import type { ServerConnection } from "../server/index.js";
import { COPY_FAIL, SYNC } from "../wire/index.js";
import { Effect } from "./effect.js";
import type { Ledger } from "./ledger.js";
import { JOINED } from "./outcomes.js";
import { Owed } from "./owed.js";
import type { Requests } from "./requests.js";

export const SPOILT: ReleaseReport = { owed: 0, halfSent: true };
export const UNCERTAIN: ReleaseReport = { owed: 0, halfSent: false, uncertain: true };

/**
 * How a client that goes leaves its server. COPY is ended for it; half a message, or a batch without its end, cannot
 * be.
 */
export function lastReport(server: ServerConnection, ledger: Ledger, requests: Requests): ReleaseReport {
  requests.transactionEnded();
  const { effects } = requests.traces;
  if (requests.insideMessage || server.closed) return SPOILT;
  // Nobody will look at what is left behind, or hear whether the settings that it counts as having were refused.
  if (effects !== 0 || ledger.frontOutcome === JOINED) server.soiled = true;
  if (effects & Effect.loads) server.spoiled = true;
  let { uncertain } = ledger;
  if (ledger.copying) {
    // It fails, and everything of its batch with it.
    server.flow.write(COPY_FAIL);
    uncertain = true;
    const inBatch = ledger.front !== Owed.query;
    ledger.copyEnd();
    if (inBatch) {
      server.flow.write(SYNC);
      ledger.sync();
    }
  } else if (requests.unsynced) {
    // A Sync of ours would commit what the client has not committed.
    return SPOILT;
  }
  return { owed: ledger.owed, halfSent: false, uncertain };
}
