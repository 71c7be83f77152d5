import { messageOf } from "@sluice/shared/errors";
import type { Logger } from "@sluice/shared/observability";
import type { Clock, Timer } from "@sluice/shared/time";
import { traceAck } from "./ack-spans.js";
import { NotesRefused } from "./fleet-failure.js";
import type { AckNote, FleetNotes, FleetStore, ResultNote, SettledAck } from "./fleet-store.js";
import type { InstanceStatus } from "./instance.js";
import { type Note, PendingNotes } from "./pending-notes.js";

export interface FleetLedgerOptions {
  readonly store: FleetStore;
  /** This process among the replicas. */
  readonly controlPlane: string;
  readonly clock: Clock;
  readonly logger: Logger;
  /** For each generation that an instance acks: ms since its commit. */
  readonly onAcked: (commitToAckMs: number) => void;
}

/** What data planes say within this time is written in one statement. */
const JOIN_MS = 40;
const TOUCH_MS = 10_000;
const RETRY_MS = 1000;
/** Postgres reads the age of an ack as an integer. */
const OLDEST_MS = 2 ** 31 - 1;

/** Writes down what the data planes of this process say: the newest status of each, and every ack. */
export class FleetLedger {
  readonly #options: FleetLedgerOptions;
  readonly #pending = new PendingNotes();
  #timer: Timer | undefined;
  #touching: Timer | undefined;
  #writing: Promise<void> | undefined;
  #failing = false;
  #stopped = false;

  constructor(options: FleetLedgerOptions) {
    this.#options = options;
  }

  start(): void {
    this.#touchLater();
  }

  /** What is pending is written. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#touching?.cancel();
    await this.#writing;
    this.#timer?.cancel();
    await this.#write();
    this.#timer?.cancel();
  }

  status(status: InstanceStatus): void {
    this.#note({ kind: "status", of: status });
  }

  ack(note: Omit<AckNote, "ageMs">): void {
    this.#note({ kind: "ack", of: note, heardAtMs: this.#options.clock.monotonic() });
  }

  result(note: ResultNote): void {
    this.#note({ kind: "result", of: note });
  }

  #note(note: Note): void {
    this.#pending.add(note);
    this.#writeSoon(JOIN_MS);
  }

  #writeSoon(delayMs: number): void {
    if (this.#timer !== undefined || this.#writing !== undefined) return;
    this.#timer = this.#options.clock.schedule(delayMs, () => {
      this.#timer = undefined;
      this.#writing = this.#write().finally(() => {
        this.#writing = undefined;
        if (!this.#pending.isEmpty) this.#writeSoon(this.#failing ? RETRY_MS : JOIN_MS);
      });
    });
  }

  /** Does not fail: what could not be written is tried again, unless something newer has come. */
  async #write(): Promise<void> {
    const notes = this.#pending.takeAll();
    if (notes.length === 0) return;
    const left = await this.#settle(notes);
    this.#failing = left.length > 0;
    this.#pending.putBack(left);
  }

  /**
   * One note that the database never takes must not keep the others from it: they are written in halves, until it
   * alone is left and is dropped.
   * @returns what may be tried again, once the database answers.
   */
  async #settle(notes: readonly Note[]): Promise<readonly Note[]> {
    const { store, logger } = this.#options;
    try {
      this.#tell(await store.write(this.#together(notes)));
      return [];
    } catch (error) {
      if (!(error instanceof NotesRefused)) {
        if (!this.#failing)
          logger.warn("the fleet's status cannot be written; tried again", { reason: messageOf(error) });
        return notes;
      }
      const [first] = notes;
      if (first !== undefined && notes.length === 1) {
        const { group, instance } = first.of;
        logger.error("a note on a data plane cannot be stored, and is dropped", {
          group,
          instance,
          note: first.kind,
          error,
        });
        return [];
      }
      const middle = Math.floor(notes.length / 2);
      const left = await this.#settle(notes.slice(0, middle));
      const rest = notes.slice(middle);
      return left.length > 0 ? [...left, ...rest] : this.#settle(rest);
    }
  }

  #together(notes: readonly Note[]): FleetNotes {
    const nowMs = this.#options.clock.monotonic();
    return {
      controlPlane: this.#options.controlPlane,
      statuses: notes.flatMap((note) => (note.kind === "status" ? [note.of] : [])),
      results: notes.flatMap((note) => (note.kind === "result" ? [note.of] : [])),
      acks: notes.flatMap((note) =>
        note.kind === "ack"
          ? [{ ...note.of, ageMs: Math.min(OLDEST_MS, Math.round(nowMs - note.heardAtMs)) }]
          : [],
      ),
    };
  }

  #tell(acked: readonly SettledAck[]): void {
    for (const ack of acked) {
      traceAck(ack);
      if (ack.nackCode === null) this.#options.onAcked(ack.commitToAckMs);
    }
  }

  #touchLater(): void {
    const { clock, store, controlPlane, logger } = this.#options;
    this.#touching = clock.schedule(TOUCH_MS, () => {
      store
        .touch(controlPlane, new Date(clock.now()))
        .catch((error: unknown) => logger.debug("open streams could not be written down", { error }))
        .finally(() => {
          if (!this.#stopped) this.#touchLater();
        });
    });
  }
}
