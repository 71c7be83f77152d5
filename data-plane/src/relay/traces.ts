import { Effect } from "./effect.js";
import type { TextNames } from "./text-names.js";

/** More than a session is asked for: it keeps its server. */
const MOST_SETTING_NAMES = 200;

/** There are as many of these as clients, and few have any. */
const NONE: ReadonlySet<string> = new Set();

/** What a client's texts may have left on its server. */
export class Traces {
  /** What texts may have done since the relay looked last, see Effect. */
  effects = 0;
  /** Names of statements that SQL has prepared on the server that this client keeps. */
  sqlNames: ReadonlySet<string> = NONE;
  /** The server stays with this client. */
  pinned = false;
  /** For reasons that nobody can ask for. */
  pinnedForGood = false;
  #settingNames: Set<string> | undefined;

  /** Nothing is left anywhere. */
  get blank(): boolean {
    return this.effects === 0 && !this.pinned && this.sqlNames.size === 0 && this.#settingNames === undefined;
  }

  /** Custom settings that this client ever set. */
  get settingNames(): ReadonlySet<string> {
    return this.#settingNames ?? NONE;
  }

  note(effects: number, { settingNames }: TextNames): void {
    this.effects |= effects;
    if (settingNames.length === 0) return;
    this.#settingNames ??= new Set();
    for (const name of settingNames) this.#settingNames.add(name);
    if (this.#settingNames.size > MOST_SETTING_NAMES) this.effects |= Effect.pins;
  }
}
