import { setTimeout as after } from "node:timers/promises";
import { familyOf } from "./processes.js";

const SIGNALS = ["SIGINT", "SIGTERM"] as const;
/** Of a shell: ended by SIGINT. */
const EXIT_CODE = 130;
/** For what was left in the middle, to remove its files. */
const PATIENCE_MS = 2000;

/**
 * While there is one, a signal does not end this process by itself, which would leave Postgres and the poolers behind:
 * the work is left in the middle, whoever has opened something closes it, and `over` ends the process.
 */
export class Interruption {
  #isTold = false;
  #work: Promise<unknown> | undefined;
  #tell: (error: Error) => void = () => undefined;
  readonly #told = new Promise<never>((_, reject) => {
    this.#tell = reject;
  });

  constructor() {
    this.#told.catch(() => undefined);
    for (const signal of SIGNALS) process.on(signal, this.#hear);
  }

  /** @throws where a signal comes first, or has come */
  async unlessTold<T>(work: () => Promise<T>): Promise<T> {
    if (this.#isTold) return await this.#told;
    const begun = work();
    this.#work = begun.catch(() => undefined);
    return await Promise.race([this.#told, begun]);
  }

  /** What was opened is closed. */
  async over(): Promise<void> {
    for (const signal of SIGNALS) process.off(signal, this.#hear);
    if (!this.#isTold) return;
    // A measure that was left in the middle has begun some, too.
    for (const pid of familyOf(process.pid).slice(1).reverse()) end(pid);
    await Promise.race([this.#work, after(PATIENCE_MS)]);
    process.exit(EXIT_CODE);
  }

  readonly #hear = (): void => {
    this.#isTold = true;
    this.#tell(new Error("interrupted"));
  };
}

function end(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // It has ended by itself.
  }
}
