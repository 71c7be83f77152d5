import { query } from "../../support/protocol.js";

/** When an exchange is over. */
export type Until =
  /** So many ReadyForQuery have come. */
  | { readonly ready: number }
  /** A message of this type has come. */
  | { readonly type: string }
  /** The other side has closed the connection. */
  | "closed"
  /** At once: the answers come with those of the next exchange. */
  | "sent";

/** What one client sends in one write, and how far it reads then. */
export interface Exchange {
  readonly client: string;
  readonly bytes: readonly Buffer[];
  readonly until: Until;
  /** The server rightly stays with the client after it, although no transaction is open. */
  readonly held: boolean;
  /** Ends the sending half of the connection. */
  readonly half: boolean;
}

/** A text is a simple query, answered by one ReadyForQuery. */
export type Step = string | Exchange;

export interface Script {
  readonly steps: readonly Step[];
  /** Of every client's StartupMessage. */
  readonly startup?: Readonly<Record<string, string>>;
  /** SQL that is run directly before each play. */
  readonly before?: string;
  /** State that no pooler can move (temporary tables, LISTEN ...): the session keeps its server up to its end. */
  readonly pins?: boolean;
}

export interface Topic {
  readonly name: string;
  readonly scripts: Readonly<Record<string, Script>>;
}

/** A list of steps is a script without anything special. */
export function topic(name: string, scripts: Readonly<Record<string, Script | readonly Step[]>>): Topic {
  return {
    name,
    scripts: Object.fromEntries(
      Object.entries(scripts).map(([title, script]) => [
        title,
        "steps" in script ? script : { steps: script },
      ]),
    ),
  };
}

/** Sends these messages together and reads until all that end in ReadyForQuery have been answered. */
export function ask(...bytes: readonly Buffer[]): Exchange {
  return { client: "a", bytes, until: { ready: endings(bytes) }, held: false, half: false };
}

/** Sends, and goes on at once. */
export function tell(...bytes: readonly Buffer[]): Exchange {
  return { ...ask(...bytes), until: "sent" };
}

/** Reads up to a message of this type. */
export function hear(type: string): Exchange {
  return { ...ask(), until: { type } };
}

/** The same exchange with another end. */
export function until(end: Until | string, exchange: Exchange): Exchange {
  const known = end === "closed" || end === "sent" || typeof end === "object";
  return { ...exchange, until: known ? (end as Until) : { type: end as string } };
}

/** The server stays with the client after this exchange. */
export function held(exchange: Exchange): Exchange {
  return { ...exchange, held: true };
}

/** The client says no more after this exchange, and still reads. */
export function halfClose(exchange: Exchange): Exchange {
  return { ...exchange, half: true, until: "closed" };
}

/** Done by another client. */
export function by(client: string, step: Step): Exchange {
  return { ...exchangeOf(step), client };
}

export function exchangeOf(step: Step): Exchange {
  return typeof step === "string" ? ask(query(step)) : step;
}

/** Messages that are answered with ReadyForQuery: Query, Sync, FunctionCall. */
function endings(bytes: readonly Buffer[]): number {
  return bytes.filter((each) => "QSF".includes(each.toString("latin1", 0, 1))).length;
}
