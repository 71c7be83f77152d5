import { MalformedMessage } from "../wire/index.js";

/** PostgreSQL reports some fifteen. */
const MOST_PARAMETERS = 200;
/** Of all names and values together, in characters. */
const MOST_LENGTH = 64 * 1024;

/** What a server says in ParameterStatus, by its own spelling. A tenant's database may say anything, without an end. */
export class ReportedParameters {
  readonly #values = new Map<string, string>();
  #length = 0;

  /** @throws as `set` */
  constructor(values: Iterable<readonly [name: string, value: string]> = []) {
    for (const [name, value] of values) this.set(name, value);
  }

  get values(): ReadonlyMap<string, string> {
    return this.#values;
  }

  /** @throws MalformedMessage where it would be too many, or too much */
  set(name: string, value: string): void {
    const before = this.#values.get(name);
    this.#length += value.length - (before === undefined ? -name.length : before.length);
    if (this.#length > MOST_LENGTH || (before === undefined && this.#values.size >= MOST_PARAMETERS))
      throw new MalformedMessage("too many parameters from the server");
    this.#values.set(name, value);
  }
}
