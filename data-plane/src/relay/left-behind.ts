import type { SluiceError } from "@sluice/shared/errors";
import type { Logger } from "@sluice/shared/observability";
import { type Clock, Deadline } from "@sluice/shared/time";
import type { Lease } from "../pool/index.js";
import type { SessionSettings } from "../server/index.js";
import { Effect } from "./effect.js";
import type { Naming } from "./naming.js";
import { TooManyPinned } from "./relay-failure.js";
import { lookAt } from "./session-look.js";
import type { Traces } from "./traces.js";

export interface AskOptions {
  readonly naming: Naming;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Told of notifications that come meanwhile. */
  readonly notified: (body: Buffer) => void;
}

const LOOK_TIMEOUT_MS = 5000;

/** A transaction is over that may have left something on its server: whether the server has to be asked what. */
export function mustAsk(lease: Lease, traces: Traces): boolean {
  const { effects } = traces;
  traces.effects = 0;
  if (effects & (Effect.pins | Effect.loads)) {
    pinForGood(lease, traces, effects);
    return false;
  }
  if (traces.pinnedForGood) return false;
  return (effects & Effect.looks) !== 0 || (traces.pinned && (effects & Effect.mayUnpin) !== 0);
}

/**
 * Asks the server what it was left with, and whether that keeps it with the client. Returns the settings that it has now;
 * undefined: it did not say, and stays with the client.
 * @throws what ended the server, or left it in the middle of an answer
 */
export async function askWhatIsLeft(
  lease: Lease,
  traces: Traces,
  { naming, clock, logger, notified }: AskOptions,
): Promise<SessionSettings | undefined> {
  const { server } = lease;
  try {
    const deadline = Deadline.after(clock, LOOK_TIMEOUT_MS);
    const look = await lookAt(server, traces.settingNames, naming === "server", deadline, notified);
    server.accepted(look.settings.pairs);
    traces.sqlNames = look.sqlNames;
    traces.pinned = look.keepsServer;
    if (look.keepsServer) lease.pin();
    else lease.unpin();
    lease.pinning = false;
    return look.settings;
  } catch (error) {
    if (server.closed || !server.idle) throw error;
    logger.warn("a server was not told what its client left behind, and stays with it", { error });
    pinForGood(lease, traces, Effect.pins);
    return undefined;
  }
}

function pinForGood(lease: Lease, traces: Traces, effects: number): void {
  traces.pinnedForGood = true;
  traces.pinned = true;
  lease.pin();
  if (effects & Effect.loads) lease.server.spoiled = true;
}

/** What the client is about to send may keep its server: why it may not be sent; undefined: it may, and counts as kept. */
export function refusedPin(lease: Lease | undefined, mayPin: () => boolean): SluiceError | undefined {
  if (lease === undefined || lease.pinning) return undefined;
  if (!mayPin()) return new TooManyPinned();
  lease.pinning = true;
  return undefined;
}
