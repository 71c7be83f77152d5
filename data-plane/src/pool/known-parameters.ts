/** Of different settings of clients, in number and in characters; beyond these a server is asked each time. */
const MOST_SETTINGS = 200;
const MOST_LENGTH = 256 * 1024;

/** What a server reported, as the workers tell each other. */
export interface LearntParameters {
  readonly tenant: string;
  readonly database: string;
  readonly user: string;
  readonly baseline: ReadonlyMap<string, string>;
  readonly identity: string | undefined;
}

/**
 * What the servers of one tenant, database and user report, so that clients can be greeted without one. It outlives the
 * pool, and a database that is down.
 */
export class KnownParameters {
  #identity: string | undefined;
  #base: ReadonlyMap<string, string> | undefined;
  #tellsIdentity = true;
  readonly #bySettings = new Map<string, ReadonlyMap<string, string>>();
  #length = 0;

  /** Reported at the login of the last server; undefined until one was there. */
  get base(): ReadonlyMap<string, string> | undefined {
    return this.#base;
  }

  /** Whether it is worth asking the database which cluster it is. */
  get tellsIdentity(): boolean {
    return this.#tellsIdentity;
  }

  /** What was reported when a client's settings, told by their key, were in force. */
  underSettings(key: string): ReadonlyMap<string, string> | undefined {
    return this.#bySettings.get(key);
  }

  remember(key: string, parameters: ReadonlyMap<string, string>): void {
    if (this.#bySettings.has(key) || this.#bySettings.size >= MOST_SETTINGS) return;
    let length = this.#length + key.length;
    for (const [name, value] of parameters) length += name.length + value.length;
    if (length > MOST_LENGTH) return;
    this.#length = length;
    this.#bySettings.set(key, parameters);
  }

  /**
   * A server has logged in. When it is another database cluster than the last one, or reports other values, what was
   * accepted and reported under settings is forgotten.
   * @param identity the cluster's system identifier; undefined when it does not tell
   * @returns whether that is news
   */
  learn(baseline: ReadonlyMap<string, string>, identity: string | undefined): boolean {
    const other = identity !== undefined && this.#identity !== undefined && identity !== this.#identity;
    const changed = other || (this.#base !== undefined && !sameEntries(this.#base, baseline));
    const news = changed || this.#base === undefined;
    if (changed) this.#forgetSettings();
    if (identity !== undefined) this.#identity = identity;
    else this.#tellsIdentity = false;
    this.#base = baseline;
    return news;
  }

  forget(): void {
    this.#identity = undefined;
    this.#tellsIdentity = true;
    this.#base = undefined;
    this.#forgetSettings();
  }

  #forgetSettings(): void {
    this.#bySettings.clear();
    this.#length = 0;
  }
}

function sameEntries(a: ReadonlyMap<string, string>, b: ReadonlyMap<string, string>): boolean {
  if (a.size !== b.size) return false;
  for (const [name, value] of a) if (b.get(name) !== value) return false;
  return true;
}
