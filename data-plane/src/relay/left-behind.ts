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

export interface LeftBehindOptions {
  readonly naming: Naming;
  readonly clock: Clock;
  readonly logger: Logger;
}

const LOOK_TIMEOUT_MS = 5000;

/** What the transactions of a client leave on its server, and whether that keeps the server with it. */
export class LeftBehind {
  readonly #options: LeftBehindOptions;
  readonly #traces: Traces;
  /** For reasons that nobody can ask for. */
  #pinnedForGood = false;

  constructor(options: LeftBehindOptions, traces: Traces) {
    this.#options = options;
    this.#traces = traces;
  }

  /** A transaction is over that may have left something: whether the server has to be asked what. */
  mustAsk(lease: Lease): boolean {
    const traces = this.#traces;
    const { effects } = traces;
    traces.effects = 0;
    if (effects & (Effect.pins | Effect.loads)) {
      this.#pinForGood(lease, effects);
      return false;
    }
    if (this.#pinnedForGood) return false;
    return (effects & Effect.looks) !== 0 || (traces.pinned && (effects & Effect.mayUnpin) !== 0);
  }

  /**
   * Asks the server. Returns the settings that it has now; undefined: it did not say, and stays with the client.
   * @throws what ended the server, or left it in the middle of an answer
   */
  async ask(lease: Lease, notified: (body: Buffer) => void): Promise<SessionSettings | undefined> {
    const { server } = lease;
    const { naming, clock, logger } = this.#options;
    const traces = this.#traces;
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
      this.#pinForGood(lease, Effect.pins);
      return undefined;
    }
  }

  #pinForGood(lease: Lease, effects: number): void {
    this.#pinnedForGood = true;
    this.#traces.pinned = true;
    lease.pin();
    if (effects & Effect.loads) lease.server.spoiled = true;
  }
}

/** What the client is about to send may keep its server: why it may not be sent; undefined: it may, and counts as kept. */
export function refusedPin(lease: Lease | undefined, mayPin: () => boolean): SluiceError | undefined {
  if (lease === undefined || lease.pinning) return undefined;
  if (!mayPin()) return new TooManyPinned();
  lease.pinning = true;
  return undefined;
}
