import type {
  AckNote,
  InstanceNack,
  InstanceName,
  InstanceStatus,
  ResultNote,
  Trouble,
} from "../fleet/index.js";
import { nameOf } from "../fleet/index.js";
import type { Held } from "../publishing/index.js";
import type { Caller } from "./data-plane-token.js";
import { isSameOwner, type StreamOwner } from "./stream-owner.js";

/** Where everything that data planes say is written down. */
export interface Ledger {
  status(status: InstanceStatus): void;
  ack(note: Omit<AckNote, "ageMs">): void;
  result(note: ResultNote): void;
}

export interface Acked {
  readonly held: Held | undefined;
  readonly quarantined: readonly string[];
  /** What was done for orders, by tenant. */
  readonly results: readonly Pick<ResultNote, "tenant" | "counts">[];
}

export interface Nacked {
  readonly nack: InstanceNack;
  /** What is still in force there. */
  readonly held: Held | undefined;
}

/** Of a report, as far as it is about the configuration. */
export interface Reported {
  readonly held: Held | undefined;
  readonly quarantined: readonly string[];
  readonly keysetVersion: bigint;
  readonly ready: boolean;
  readonly freshnessAgeMs: number | null;
}

/** The open stream of an instance, as far as others act on it. */
export interface OpenStream {
  /** Ends it; the data plane is told to connect again. */
  drain(): void;
  /** Where it comes from. */
  readonly address: string;
  /** A newer stream of the same instance has taken its place. */
  supersede(newerAddress: string): void;
  /** The instance still holds this, whatever was sent. @param refused what it has not taken, where it says so */
  stillHolds(held: Held | undefined, refused: Held | undefined): void;
}

interface Entry {
  status: InstanceStatus;
  readonly owner: StreamOwner;
  readonly stream: OpenStream;
}

/** The data planes that are connected to this process. Bounded by the cap on streams. */
export class Instances {
  readonly #entries = new Map<string, Entry>();
  readonly #ledger: Ledger;

  constructor(ledger: Ledger) {
    this.#ledger = ledger;
  }

  /** @returns what ends the connection in these books. */
  connected(
    caller: Pick<Caller, "group" | "region" | "scope">,
    about: Pick<InstanceStatus, "instance" | "build" | "keysetVersion" | "held">,
    owner: StreamOwner,
    stream: OpenStream,
    nowMs: number,
  ): (nowMs: number) => void {
    const { group, region, scope } = caller;
    const name = nameOf({ group, instance: about.instance });
    this.#entries.get(name)?.stream.supersede(stream.address);
    const entry: Entry = {
      status: {
        group,
        region,
        scope,
        ...about,
        connectedSince: new Date(nowMs),
        lastSeenAt: new Date(nowMs),
        quarantined: [],
        // Most likely it comes because of it, to be sent the same again.
        nack: undefined,
        trouble: null,
        ready: null,
        freshnessAgeMs: null,
        reportedAt: null,
      },
      owner,
      stream,
    };
    this.#entries.set(name, entry);
    this.#ledger.status(entry.status);
    return (endedAtMs) => {
      if (this.#entries.get(name) !== entry) return;
      this.#entries.delete(name);
      this.#ledger.status({ ...entry.status, connectedSince: null, lastSeenAt: new Date(endedAtMs) });
    };
  }

  acked(name: InstanceName, { held, quarantined, results }: Acked, atMs: number): void {
    // What it takes comes from this history: it is ahead of it no more.
    const taken = { held, quarantined, nack: null, trouble: null, lastSeenAt: new Date(atMs) };
    const entry = this.#change(name, taken);
    if (entry === undefined || held === undefined) return;
    const { scope } = entry.status;
    for (const result of results) this.#ledger.result({ ...name, ...result, scope, held });
    this.#ledger.ack({ ...name, scope, held, nackCode: null });
  }

  nacked(name: InstanceName, { nack, held }: Nacked, atMs: number): void {
    const entry = this.#change(name, { nack, held, lastSeenAt: new Date(atMs) });
    if (entry === undefined) return;
    entry.stream.stillHolds(held, nack.refused);
    if (nack.refused === undefined) return;
    this.#ledger.ack({ ...name, scope: entry.status.scope, held: nack.refused, nackCode: nack.code });
  }

  reported(name: InstanceName, reported: Reported, atMs: number): void {
    const at = new Date(atMs);
    const { nack, connectedSince } = this.#entries.get(nameOf(name))?.status ?? {};
    const { freshnessAgeMs } = reported;
    // A heartbeat has said since that it holds the newest: whatever it refused is over.
    const refusedAt = nack?.at ?? connectedSince ?? at;
    const over = freshnessAgeMs !== null && atMs - freshnessAgeMs > refusedAt.getTime();
    this.#change(name, { ...reported, lastSeenAt: at, reportedAt: at, nack: over ? null : nack });
  }

  inTrouble(name: InstanceName, trouble: Trouble | null): void {
    this.#change(name, { trouble });
  }

  isConnected(name: InstanceName): boolean {
    return this.#entries.has(nameOf(name));
  }

  /** Whether somebody else has the instance's stream. */
  isOfAnother(name: InstanceName, owner: StreamOwner): boolean {
    const entry = this.#entries.get(nameOf(name));
    return entry !== undefined && !isSameOwner(entry.owner, owner);
  }

  list(): InstanceStatus[] {
    return [...this.#entries.values()].map(({ status }) => status);
  }

  drainAll(): void {
    for (const { stream } of this.#entries.values()) stream.drain();
  }

  #change({ group, instance }: InstanceName, change: Partial<InstanceStatus>): Entry | undefined {
    const entry = this.#entries.get(nameOf({ group, instance }));
    if (entry === undefined) return undefined;
    entry.status = { ...entry.status, ...change };
    this.#ledger.status(entry.status);
    return entry;
  }
}
