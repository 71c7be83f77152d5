import type { Held } from "../publishing/index.js";
import type { Caller } from "./data-plane-token.js";

export interface Acked {
  readonly held: Held | undefined;
  readonly quarantined: readonly string[];
  readonly atMs: number;
}

export interface Nacked {
  readonly code: string;
  readonly detail: string;
  readonly refused: Held | undefined;
  /** What is still in force there. */
  readonly held: Held | undefined;
  readonly atMs: number;
}

/** One data plane, as this process has seen it. */
export interface InstanceStatus {
  readonly group: string;
  readonly instance: string;
  readonly region: string;
  readonly scope: string;
  readonly build: string;
  readonly keysetVersion: bigint;
  readonly connectedSinceMs: number | undefined;
  readonly lastSeenMs: number;
  readonly acked: Acked | undefined;
  readonly nacked: Nacked | undefined;
  /** It holds what the history does not know. */
  readonly ahead: boolean;
}

/** The open stream of an instance, as far as others act on it. */
export interface OpenStream {
  /** Ends it; the data plane is told to connect again. */
  drain(): void;
  /** A newer stream of the same instance has taken its place. */
  supersede(): void;
  /** The instance still holds this, whatever was sent. */
  stillHolds(held: Held | undefined): void;
}

interface Entry {
  status: InstanceStatus;
  stream: OpenStream | undefined;
}

/** What is known of the data planes of this process. Bounded by who may register a key. */
export class Instances {
  readonly #entries = new Map<string, Entry>();

  /** @returns what ends the connection in these books. */
  connected(
    caller: Caller,
    about: { readonly instance: string; readonly build: string; readonly keysetVersion: bigint },
    stream: OpenStream,
    nowMs: number,
  ): (nowMs: number) => void {
    const { group, region, scope } = caller;
    const name = nameOf(group, about.instance);
    const before = this.#entries.get(name);
    before?.stream?.supersede();
    const entry: Entry = {
      status: {
        acked: before?.status.acked,
        nacked: before?.status.nacked,
        group,
        region,
        scope,
        ...about,
        connectedSinceMs: nowMs,
        lastSeenMs: nowMs,
        ahead: false,
      },
      stream,
    };
    this.#entries.set(name, entry);
    return (endedAtMs) => {
      if (this.#entries.get(name) !== entry) return;
      entry.stream = undefined;
      entry.status = { ...entry.status, connectedSinceMs: undefined, lastSeenMs: endedAtMs };
    };
  }

  acked(group: string, instance: string, acked: Acked): void {
    this.#change(group, instance, { acked, lastSeenMs: acked.atMs, nacked: undefined });
  }

  nacked(group: string, instance: string, nacked: Nacked): void {
    this.#change(group, instance, { nacked, lastSeenMs: nacked.atMs });
    this.#entries.get(nameOf(group, instance))?.stream?.stillHolds(nacked.held);
  }

  isAhead(group: string, instance: string): void {
    this.#change(group, instance, { ahead: true });
  }

  list(): InstanceStatus[] {
    return [...this.#entries.values()].map(({ status }) => status);
  }

  drainAll(): void {
    for (const { stream } of this.#entries.values()) stream?.drain();
  }

  #change(group: string, instance: string, change: Partial<InstanceStatus>): void {
    const entry = this.#entries.get(nameOf(group, instance));
    if (entry !== undefined) entry.status = { ...entry.status, ...change };
  }
}

function nameOf(group: string, instance: string): string {
  return `${group}/${instance}`;
}
