import { readdirSync, statSync } from "node:fs";
import { type IntervalHistogram, monitorEventLoopDelay } from "node:perf_hooks";

/** Of one process, over the time since its last report. */
export interface ProcessFigures {
  readonly pid: number;
  /** Seconds of processor time since its start. */
  readonly cpuS: number;
  readonly residentBytes: number;
  readonly heapBytes: number;
  /** Sockets too; undefined where the system does not tell. */
  readonly openFiles: number | undefined;
  /** How late timers came. */
  readonly lagMedianMs: number;
  readonly lagP99Ms: number;
  readonly lagLongestMs: number;
}

const RESOLUTION_MS = 10;
const OWN_FILES = "/proc/self/fd";
/** A list of thousands takes milliseconds. */
const LISTED_EVERY = 15;

/** Watches this process's event loop. */
export class ProcessMeter {
  #takes = 0;
  #listed: number | undefined;
  #memory = { rss: 0, heapUsed: 0 };
  readonly #delays: IntervalHistogram = monitorEventLoopDelay({ resolution: RESOLUTION_MS });

  constructor() {
    this.#delays.enable();
  }

  take(): ProcessFigures {
    const { user, system } = process.cpuUsage();
    const { rss, heapUsed } = this.#memoryInUse();
    const late = (ns: number): number => (Number.isFinite(ns) ? Math.max(0, ns / 1e6 - RESOLUTION_MS) : 0);
    const delays = this.#delays;
    const figures: ProcessFigures = {
      pid: process.pid,
      cpuS: (user + system) / 1e6,
      residentBytes: rss,
      heapBytes: heapUsed,
      openFiles: this.#openFiles(),
      lagMedianMs: delays.count === 0 ? 0 : late(delays.percentile(50)),
      lagP99Ms: delays.count === 0 ? 0 : late(delays.percentile(99)),
      lagLongestMs: delays.count === 0 ? 0 : late(delays.max),
    };
    delays.reset();
    return figures;
  }

  /** As it was last known while no file more may be opened: node reads one for it. */
  #memoryInUse(): { readonly rss: number; readonly heapUsed: number } {
    try {
      this.#memory = process.memoryUsage();
    } catch {
      // There is nothing to be done about it here.
    }
    return this.#memory;
  }

  #openFiles(): number | undefined {
    try {
      // Linux 6.2 and newer tell their number so; older ones say 0.
      const { size } = statSync(OWN_FILES);
      if (size > 0) return size;
      if (this.#takes++ % LISTED_EVERY === 0) this.#listed = readdirSync(OWN_FILES).length;
      return this.#listed;
    } catch {
      return undefined;
    }
  }
}
