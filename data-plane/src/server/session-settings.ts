/**
 * The parameters that a client has set for its session, by lower-case name. Never changed: a change makes another
 * one, so that "is the server as this client wants it" is one comparison of references or of `key`.
 */
export class SessionSettings {
  static readonly EMPTY = new SessionSettings(new Map());

  readonly values: ReadonlyMap<string, string>;
  readonly key: string;

  private constructor(values: ReadonlyMap<string, string>) {
    this.values = values;
    this.key = JSON.stringify([...values].sort(([a], [b]) => (a < b ? -1 : 1)));
  }

  static of(values: ReadonlyMap<string, string>): SessionSettings {
    const byName = new Map<string, string>();
    for (const [name, value] of values) byName.set(name.toLowerCase(), value);
    return byName.size === 0 ? SessionSettings.EMPTY : new SessionSettings(byName);
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

  /** The simple query that brings a server from `other` to this one; undefined when there is nothing to do. */
  queryFrom(other: SessionSettings): string | undefined {
    const statements: string[] = [];
    for (const name of other.values.keys())
      if (!this.values.has(name)) statements.push(`RESET ${quotedName(name)}`);
    const calls: string[] = [];
    for (const [name, value] of this.values) {
      if (other.values.get(name) !== value)
        calls.push(`pg_catalog.set_config(${literal(name)}, ${literal(value)}, false)`);
    }
    if (calls.length > 0) statements.push(`SELECT ${calls.join(", ")}`);
    return statements.length === 0 ? undefined : statements.join("; ");
  }
}

/** A string that means the same whatever standard_conforming_strings says. */
function literal(value: string): string {
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
