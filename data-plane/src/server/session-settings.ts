const MOST_KNOWN = 1000;
/** Longer ones are few, and one client could make as many as it likes. */
const MOST_KNOWN_LENGTH = 4096;

/**
 * The parameters that a client has set for its session, by lower-case name. Never changed: a change makes another
 * one, so that "is the server as this client wants it" is one comparison of references or of `key`.
 */
export class SessionSettings {
  static readonly EMPTY = new SessionSettings(new Map());
  /** Clients of one program come with the same ones, and each would have its own. */
  static readonly #known = new Map<string, SessionSettings>();
  /** The same, by what was given: most clients give it in the same order. */
  static readonly #given = new Map<string, SessionSettings>();

  readonly values: ReadonlyMap<string, string>;
  readonly key: string;
  #pairs: readonly string[] | undefined;

  private constructor(values: ReadonlyMap<string, string>) {
    this.values = values;
    this.key = JSON.stringify([...values].sort(([a], [b]) => (a < b ? -1 : 1)));
  }

  static of(values: ReadonlyMap<string, string>): SessionSettings {
    let given = "";
    // With their lengths: a database may say any byte of a value, and what it says is not to mean another tenant's.
    for (const [name, value] of values) given += `${name.length},${value.length},${name}${value}`;
    if (given.length > MOST_KNOWN_LENGTH) return new SessionSettings(inLowerCase(values));
    const known = SessionSettings.#given.get(given);
    if (known !== undefined) return known;
    const found = SessionSettings.#byKey(values);
    if (SessionSettings.#given.size >= MOST_KNOWN) SessionSettings.#given.clear();
    SessionSettings.#given.set(given, found);
    return found;
  }

  static #byKey(values: ReadonlyMap<string, string>): SessionSettings {
    const byName = inLowerCase(values);
    if (byName.size === 0) return SessionSettings.EMPTY;
    const made = new SessionSettings(byName);
    const known = SessionSettings.#known.get(made.key);
    if (known !== undefined) return known;
    if (SessionSettings.#known.size >= MOST_KNOWN) SessionSettings.#known.clear();
    SessionSettings.#known.set(made.key, made);
    return made;
  }

  /** With one parameter changed; a value that is the server's own means that the client wants nothing of its own. */
  with(name: string, value: string, baseline: string | undefined): SessionSettings {
    const lower = name.toLowerCase();
    const current = this.values.get(lower);
    if (value === baseline ? current === undefined : current === value) return this;
    const values = new Map(this.values);
    if (value === baseline) values.delete(lower);
    else values.set(lower, value);
    return SessionSettings.of(values);
  }

  equals(other: SessionSettings): boolean {
    return this === other || this.key === other.key;
  }

  /** `name=value` of each, but for application_name: any text is accepted as that. */
  get pairs(): readonly string[] {
    this.#pairs ??= [...this.values]
      .filter(([name]) => name !== "application_name")
      .map(([name, value]) => `${name}=${value}`);
    return this.#pairs;
  }

  /** Acting as somebody else: whether that is allowed may change at any time. */
  get changesRole(): boolean {
    return this.values.has(ROLE) || this.values.has(SESSION_AUTHORIZATION);
  }

  /** The part of them that `names` names. */
  only(names: (name: string) => boolean): SessionSettings {
    return SessionSettings.of(new Map([...this.values].filter(([name]) => names(name))));
  }

  /**
   * The simple query that puts these in force where nothing else was set, which is after a RESET that came about and not
   * after one that did not. Undefined when there are none.
   */
  queryAfterReset(): string | undefined {
    const statements: string[] = [];
    const builtIn: string[] = [];
    for (const [name, value] of this.values) {
      const set = `SELECT pg_catalog.set_config(${literal(name)}, ${literal(value)}, false)`;
      if (name === ROLE)
        statements.push(`${set} WHERE pg_catalog.current_setting('role') OPERATOR(pg_catalog.=) 'none'`);
      else if (name.includes("."))
        statements.push(
          `${set} WHERE COALESCE(pg_catalog.current_setting(${literal(name)}, true), '') OPERATOR(pg_catalog.=) ''`,
        );
      else builtIn.push(`(${literal(name)}, ${literal(value)})`);
    }
    if (builtIn.length > 0)
      statements.unshift(
        `SELECT pg_catalog.set_config(n, v, false) FROM (VALUES ${builtIn.join(", ")}) AS w(n, v), pg_catalog.pg_settings AS s
 WHERE pg_catalog.lower(s.name) OPERATOR(pg_catalog.=) n AND s.source OPERATOR(pg_catalog.<>) 'session'`,
      );
    return statements.length === 0 ? undefined : statements.join("; ");
  }

  /**
   * The simple query that brings a server from `other` to this one; undefined when there is nothing to do. Roles are
   * left first and taken last, since what a role may set depends on it.
   */
  queryFrom(other: SessionSettings): string | undefined {
    const statements: string[] = [];
    const wanted = (name: string): boolean => this.values.get(name) === other.values.get(name);
    const actsAsOther = other.changesRole;
    const rolesStay = wanted(ROLE) && wanted(SESSION_AUTHORIZATION);
    // What comes behind it is not to end by another's.
    if (other.values.has(STATEMENT_TIMEOUT) && !wanted(STATEMENT_TIMEOUT))
      statements.push(`RESET ${quotedName(STATEMENT_TIMEOUT)}`);
    if (actsAsOther && !rolesStay) statements.push("RESET SESSION AUTHORIZATION", "RESET ROLE");
    for (const name of other.values.keys())
      if ((!this.values.has(name) || (isCompleted(name) && !wanted(name))) && !hasItsTurn(name))
        statements.push(`RESET ${quotedName(name)}`);
    const calls: string[] = [];
    for (const [name, value] of this.values) {
      if (!isRole(name) && other.values.get(name) !== value)
        calls.push(`pg_catalog.set_config(${literal(name)}, ${literal(value)}, false)`);
    }
    if (calls.length > 0) statements.push(`SELECT ${calls.join(", ")}`);
    if (!rolesStay) {
      for (const name of [SESSION_AUTHORIZATION, ROLE]) {
        const value = this.values.get(name);
        if (value !== undefined)
          statements.push(`SELECT pg_catalog.set_config('${name}', ${literal(value)}, false)`);
      }
    }
    return statements.length === 0 ? undefined : statements.join("; ");
  }
}

function inLowerCase(values: ReadonlyMap<string, string>): Map<string, string> {
  const byName = new Map<string, string>();
  for (const [name, value] of values) byName.set(name.toLowerCase(), value);
  return byName;
}

const STATEMENT_TIMEOUT = "statement_timeout";
const ROLE = "role";
const SESSION_AUTHORIZATION = "session_authorization";

/** Whose value takes what it leaves open from the value before: 'ISO' after 'SQL, DMY' is 'ISO, DMY'. */
function isCompleted(name: string): boolean {
  return name === "datestyle";
}

/** Left first. */
function hasItsTurn(name: string): boolean {
  return isRole(name) || name === STATEMENT_TIMEOUT;
}

function isRole(name: string): boolean {
  return name === ROLE || name === SESSION_AUTHORIZATION;
}

/** A string that means the same whatever standard_conforming_strings and client_encoding say. */
export function literal(value: string): string {
  if (/[^\x20-\x7e]/.test(value)) {
    const hex = Buffer.from(value, "utf8").toString("hex");
    return `pg_catalog.convert_from(pg_catalog.decode('${hex}', 'hex'), 'UTF8')`;
  }
  const quoted = value.replaceAll("'", "''");
  return quoted.includes("\\") ? `E'${quoted.replaceAll("\\", "\\\\")}'` : `'${quoted}'`;
}

/** `app.tenant_id` is a name of two parts. */
function quotedName(name: string): string {
  return name
    .split(".")
    .map((part) => `"${part.replaceAll('"', '""')}"`)
    .join(".");
}
