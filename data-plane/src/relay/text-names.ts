/** What a text names. */
export interface TextNames {
  /** Prepared statements that SQL uses. */
  readonly statementNames: readonly string[];
  /** Settings that have to be asked for by name. */
  readonly settingNames: readonly string[];
  /** Settings that go back to what they were at the login; `all` for all. */
  readonly resetNames: readonly string[];
}

const MOST = 100;
const NONE: readonly string[] = [];
export const NO_NAMES: TextNames = { statementNames: NONE, settingNames: NONE, resetNames: NONE };

/** Gathers what a text names, up to a bound. Nothing is made for a text that names nothing. */
export class NamesInText {
  #statementNames = NONE;
  #settingNames = NONE;
  #resetNames = NONE;

  get found(): TextNames {
    const statementNames = this.#statementNames;
    const settingNames = this.#settingNames;
    const resetNames = this.#resetNames;
    if (statementNames === NONE && settingNames === NONE && resetNames === NONE) return NO_NAMES;
    return { statementNames, settingNames, resetNames };
  }

  statement(name: string): void {
    if (this.#statementNames.length < MOST) this.#statementNames = [...this.#statementNames, name];
  }

  /** False: there are too many. */
  setting(name: string): boolean {
    if (this.#settingNames.length >= MOST) return false;
    this.#settingNames = [...this.#settingNames, name];
    return true;
  }

  reset(name: string): void {
    if (this.#resetNames.length < MOST) this.#resetNames = [...this.#resetNames, name];
  }

  forget(): void {
    if (this.#statementNames.length > 0) this.#statementNames = NONE;
    if (this.#settingNames.length > 0) this.#settingNames = NONE;
    if (this.#resetNames.length > 0) this.#resetNames = NONE;
  }
}
