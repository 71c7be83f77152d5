import type { Logger } from "../observability/index.js";

/** For a promise that nobody waits for: its failure is logged, once, with the name of the work. */
export function background(logger: Logger, name: string, promise: Promise<unknown>): void {
  promise.catch((error: unknown) => logger.error(`${name} failed`, { error }));
}
