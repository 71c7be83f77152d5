import type { SluiceError } from "@sluice/shared/errors";
import { Effect } from "./effect.js";
import { type Refusal, refusalBy } from "./outcomes.js";
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
  #settingNames: Set<string> | undefined;
  readonly #refusesPin: () => SluiceError | undefined;

  /** `refusesPin`: why this client may not have a server to itself now; undefined: it may. */
  constructor(refusesPin: () => SluiceError | undefined) {
    this.#refusesPin = refusesPin;
  }

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

  /** Why a text with these effects may not run; undefined: it may. */
  refusal(effects: number): Refusal | undefined {
    if (this.pinned || !(effects & (Effect.mayPin | Effect.pins | Effect.loads))) return undefined;
    const error = this.#refusesPin();
    return error === undefined ? undefined : refusalBy(error);
  }
}
