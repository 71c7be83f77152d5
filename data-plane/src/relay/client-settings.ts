import type { ServerConnection, SessionSettings } from "../server/index.js";
import { parameterStatus, query } from "../wire/index.js";
import { isParseContext } from "./effect.js";

/** Reported, and nothing that a client sets. */
const NOT_SETTABLE: ReadonlySet<string> = new Set([
  "server_version",
  "server_encoding",
  "integer_datetimes",
  "is_superuser",
  "session_authorization",
  "in_hot_standby",
]);

/** The settings of one client, whatever server it has. */
export class ClientSettings {
  /** What it came with. */
  readonly #login: SessionSettings;
  #now: SessionSettings;
  /** Of `#now`, made when it is asked for. */
  #parseContext: string | undefined;

  constructor(login: SessionSettings) {
    this.#login = login;
    this.#now = login;
  }

  get now(): SessionSettings {
    return this.#now;
  }

  /** RESET has something to bring back. */
  get restores(): boolean {
    return this.#login.values.size > 0;
  }

  /** What of them makes a prepared statement another one. */
  get parseContext(): string {
    this.#parseContext ??= this.#now.only(isParseContext).key;
    return this.#parseContext;
  }

  /**
   * How a server comes to have them: undefined, it has; a query that goes in front of the client's first message; or one
   * whose answer has to be waited for, since this server has not taken these values before, or a role is among them.
   */
  wayTo(server: ServerConnection): Buffer | "answer" | undefined {
    const settings = this.#now;
    if (server.settings === settings || server.settings.equals(settings)) return undefined;
    const text = settings.queryFrom(server.settings);
    if (text !== undefined) {
      const changesRole = settings.changesRole || server.settings.changesRole;
      if (changesRole || !server.hasAccepted(settings.pairs)) return "answer";
    }
    server.settings = settings;
    return text === undefined ? undefined : query(text);
  }

  /** As they are on this server now. False: nothing is new. */
  adopt(settings: SessionSettings, server: ServerConnection | undefined): boolean {
    if (server !== undefined) server.settings = settings;
    if (settings === this.#now) return false;
    this.#now = settings;
    this.#parseContext = undefined;
    return true;
  }

  /** With what the server has reported; undefined: that is nothing that clients set. */
  withReported(name: string, value: string, server: ServerConnection): SessionSettings | undefined {
    return NOT_SETTABLE.has(name) ? undefined : this.#now.with(name, value, server.baseline.get(name));
  }

  /** The query behind a RESET, which means what the client came with and not what the server's own login has. */
  queryAfterReset(names: readonly string[]): string | undefined {
    const all = names.includes("all");
    const wanted = this.#login.only(
      (name) =>
        (all && name !== "role") ||
        names.includes(name) ||
        (name === "role" && names.includes("session_authorization")),
    );
    return wanted.queryAfterReset();
  }
}

/** ParameterStatus of what a client has not been told yet of a server's parameters. */
export function changesSince(
  told: ReadonlyMap<string, string>,
  parameters: ReadonlyMap<string, string>,
): Buffer {
  const changed = [...parameters].filter(([name, value]) => told.get(name) !== value);
  return Buffer.concat(changed.map(([name, value]) => parameterStatus(name, value)));
}
