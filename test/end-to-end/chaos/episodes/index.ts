import type { RawLife } from "../raw-life.js";
import { copyIn, copyOut } from "./copies.js";
import { closesHalf, vanishes } from "./departures.js";
import { flush, pipeline, preparedStatement } from "./extended-protocol.js";
import { cancels, error, large, looksAround, notice, transaction } from "./queries.js";
import { discards, settings } from "./session-state.js";
import { listens, lock, sqlPrepare, temporaryTable } from "./what-pins.js";

export interface Episode {
  readonly name: string;
  /** How often in comparison. */
  readonly weight: number;
  /** Only now and then: they keep the server for the session's rest. */
  readonly pins?: boolean;
  readonly run: (life: RawLife) => Promise<void>;
}

/** What a client of the raw protocol does. Each leaves no transaction open. */
export const EPISODES: readonly Episode[] = [
  { name: "looks around", weight: 6, run: looksAround },
  { name: "transaction", weight: 6, run: transaction },
  { name: "prepared", weight: 6, run: preparedStatement },
  { name: "pipeline", weight: 6, run: pipeline },
  { name: "flush", weight: 2, run: flush },
  { name: "error", weight: 3, run: error },
  { name: "notice", weight: 3, run: notice },
  { name: "large", weight: 2, run: large },
  { name: "copy in", weight: 3, run: copyIn },
  { name: "copy out", weight: 2, run: copyOut },
  { name: "settings", weight: 4, run: settings },
  { name: "temporary", weight: 1, pins: true, run: temporaryTable },
  { name: "listens", weight: 1, pins: true, run: listens },
  { name: "lock", weight: 1, pins: true, run: lock },
  { name: "SQL prepare", weight: 1, pins: true, run: sqlPrepare },
  { name: "cancels", weight: 2, run: cancels },
  { name: "discards", weight: 1, run: discards },
  { name: "vanishes", weight: 4, run: vanishes },
  { name: "closes half", weight: 1, run: closesHalf },
];
