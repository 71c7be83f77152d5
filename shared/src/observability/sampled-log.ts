import type { Clock } from "../time/index.js";
import type { LogFields, Logger } from "./logger.js";

export interface SampleRules {
  /** Lines of one kind that are written within `windowMs`. */
  readonly lines: number;
  readonly windowMs: number;
  /** Kinds told apart at once; those beyond share one. */
  readonly kinds: number;
}

const RULES: SampleRules = { lines: 20, windowMs: 10_000, kinds: 1000 };
const OTHERS = "others";

interface Window {
  written: number;
  leftOut: number;
}

/**
 * Lines that somebody outside can cause: of each kind the first few in a window are written, and at the window's end
 * one line says how many were left out. Nobody can fill a disk, and nothing is lost without a word.
 */
export class SampledLog {
  readonly #logger: Logger;
  readonly #message: string;
  readonly #clock: Clock;
  readonly #rules: SampleRules;
  readonly #windows = new Map<string, Window>();

  constructor(logger: Logger, message: string, clock: Clock, rules: Partial<SampleRules> = {}) {
    this.#logger = logger;
    this.#message = message;
    this.#clock = clock;
    this.#rules = { ...RULES, ...rules };
  }

  write(level: "info" | "warn" | "error", kind: string, fields: LogFields): void {
    const window = this.#windowOf(kind);
    if (window.written >= this.#rules.lines) {
      window.leftOut += 1;
      return;
    }
    window.written += 1;
    this.#logger[level](this.#message, fields);
  }

  #windowOf(kind: string): Window {
    const name = this.#windows.has(kind) || this.#windows.size < this.#rules.kinds ? kind : OTHERS;
    const known = this.#windows.get(name);
    if (known !== undefined) return known;
    const window: Window = { written: 0, leftOut: 0 };
    this.#windows.set(name, window);
    this.#clock.schedule(this.#rules.windowMs, () => {
      this.#windows.delete(name);
      if (window.leftOut > 0)
        this.#logger.warn(`${this.#message}: lines left out`, {
          kind: name,
          leftOut: window.leftOut,
          withinMs: this.#rules.windowMs,
        });
    });
    return window;
  }
}
