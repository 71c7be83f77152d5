import { Deadline } from "@sluice/shared/time";
import type { Api } from "./api.js";
import { pause } from "./pause.js";

/** A data plane, as `/api/fleet` shows it; only what is read here. */
export interface DataPlaneRecord {
  readonly group: string;
  readonly instance: string;
  readonly region: string;
  readonly status: string;
  readonly build: string;
  readonly ready: boolean | null;
  readonly last_seen: string;
  readonly acked: { readonly generation: number } | null;
  readonly newest_generation: number;
  readonly lag: { readonly generations: number | null };
}

/** How far a generation has come. */
export interface ProgressRecord {
  readonly regions: readonly string[];
  readonly acked: number;
  readonly nacked: number;
  readonly pending: number;
  readonly nacked_by: readonly { readonly group: string; readonly instance: string; readonly code: string }[];
  readonly pending_at: readonly { readonly group: string; readonly instance: string }[];
}

export interface FleetFilter {
  readonly region?: string | undefined;
  readonly group?: string | undefined;
}

const PAGE = 1000;
/** One plan asks about many things, and the answer is nearly the same for all of them. */
const REMEMBERED_MS = 1000;
const POLL = { firstMs: 100, longestMs: 2000 };

/** The data planes, as the control plane knows them. */
export class Fleet {
  readonly #api: Api;
  #remembered: { readonly list: Promise<readonly DataPlaneRecord[]>; readonly until: Deadline } | undefined;

  constructor(api: Api) {
    this.#api = api;
  }

  async list(filter: FleetFilter, deadline?: Deadline): Promise<readonly DataPlaneRecord[]> {
    const found: DataPlaneRecord[] = [];
    let cursor: string | null = null;
    do {
      const query = new URLSearchParams({ limit: String(PAGE) });
      for (const [name, value] of Object.entries({ ...filter, cursor })) if (value) query.set(name, value);
      const page: { data: { data: DataPlaneRecord[]; next_cursor: string | null } } = await this.#api.send({
        method: "GET",
        path: `/api/fleet?${query}`,
        deadline,
      });
      found.push(...page.data.data);
      cursor = page.data.next_cursor;
    } while (cursor !== null);
    return found;
  }

  async progress(generation: number, deadline?: Deadline): Promise<ProgressRecord> {
    const path = `/api/fleet/generations/${generation}`;
    return (await this.#api.send<{ readonly data: ProgressRecord }>({ method: "GET", path, deadline })).data
      .data;
  }

  /**
   * Whether all data planes of these regions hold a generation, as of a moment ago.
   * @param regions null: all
   */
  async holds(generation: number, regions: readonly string[] | null): Promise<boolean> {
    const planes = await this.#listed();
    return planes
      .filter(({ region, status }) => status !== "REVOKED" && (regions === null || regions.includes(region)))
      .every((plane) => holdsGeneration(plane, generation));
  }

  /** Calls until it is done, at growing distances. @returns undefined when the time is over, or the run interrupted */
  async until<T>(attempt: () => Promise<T | undefined>, deadline: Deadline): Promise<T | undefined> {
    const { clock, interrupted } = this.#api;
    for (let delayMs = POLL.firstMs; ; delayMs = Math.min(POLL.longestMs, delayMs * 1.5)) {
      const outcome = await attempt();
      if (outcome !== undefined || interrupted.aborted || delayMs >= deadline.remainingMs) return outcome;
      await pause(clock, delayMs, interrupted);
    }
  }

  /** Whether a wait ended because somebody wanted to stop. */
  get isInterrupted(): boolean {
    return this.#api.interrupted.aborted;
  }

  #listed(): Promise<readonly DataPlaneRecord[]> {
    if (this.#remembered === undefined || this.#remembered.until.passed) {
      this.#remembered = { list: this.list({}), until: Deadline.after(this.#api.clock, REMEMBERED_MS) };
    }
    return this.#remembered.list;
  }
}

/** Also where the generation did not change its region: then it holds the newest that did. */
export function holdsGeneration({ acked, lag }: DataPlaneRecord, generation: number): boolean {
  return lag.generations === 0 || (lag.generations !== null && (acked?.generation ?? 0) >= generation);
}
