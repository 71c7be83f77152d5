import type { SluiceError } from "@sluice/shared/errors";
import type { PoolMeter } from "../metrics/index.js";
import type { Naming } from "./naming.js";
import type { SharedStatements } from "./shared-statements.js";

/** A client with a request under way, as what follows it asks about it. */
export interface Asker {
  readonly naming: Naming;
  readonly shared: SharedStatements;
  readonly meter: PoolMeter;
  /** It came with settings that RESET has to bring back. */
  readonly restores: boolean;
  /** Those of its settings that Parse depends on. */
  readonly parseContext: string;
  /** Whether its server reports the setting of this lower-case name when it changes. */
  reported(name: string): boolean;
  /** Why it may not have a server to itself now; undefined: it may. */
  refusesPin(): SluiceError | undefined;
  /** The query that brings these settings (or `all`) back to the client's own from its login, after a RESET. */
  restore(names: readonly string[]): string | undefined;
  /** What its server has reported. */
  parameters(): ReadonlyMap<string, string>;
  /** The ParameterStatus messages that bring it up to date, if it has been told this. */
  changesSince(told: ReadonlyMap<string, string>): Buffer;
}
