import { SYNC } from "../../support/frontend.js";
import { errorFields, query, type RawMessage, TERMINATE } from "../../support/protocol.js";
import { RawClient, rowOf } from "../../support/raw-client.js";
import type { Actor } from "./actor.js";
import { isOfBreakage, Lost, Unserved } from "./outcomes.js";
import type { Random } from "./random.js";
import type { Verdict } from "./verdict.js";
import { PASSWORD, ROLE, TENANT } from "./world.js";

/** Longer than a checkout's timeout and every pause together: what has not come by then has been lost. */
const WAIT_MS = 30_000;
/** So long a cancel may hit what the same client asks next. */
const LATE_CANCEL_MS = 5000;

export interface Request {
  /** What rows have to begin with: one for all, or for pipelines each in its order. */
  readonly marks: readonly string[];
  readonly ready?: number;
  /** SQLSTATEs that the request is made to fail with. */
  readonly fails?: readonly string[];
  /** Ends before ReadyForQuery, at a message of this type; after an error it goes on to ReadyForQuery. */
  readonly until?: string;
  /** The batch has no Sync yet: after an error it is sent. */
  readonly open?: boolean;
}

/** One connection of a client that looks at every message it is told, whether it is its own. */
export class Conversation {
  readonly client: RawClient;
  readonly #who: string;
  readonly #verdict: Verdict;
  readonly key: { readonly pid: number; readonly secret: Buffer };
  /** Of the last ReadyForQuery. */
  status = "I";
  /** What the errors said that the last request was made to fail with. */
  failures: string[] = [];
  cancelledAtMs = Number.NEGATIVE_INFINITY;

  private constructor(
    client: RawClient,
    key: { readonly pid: number; readonly secret: Buffer },
    who: string,
    verdict: Verdict,
  ) {
    this.client = client;
    this.key = key;
    this.#who = who;
    this.#verdict = verdict;
  }

  /** Throws Lost when it cannot be had now. */
  static async open({ world, mode, who, verdict }: Actor): Promise<Conversation> {
    let client: RawClient | undefined;
    try {
      client = await RawClient.connect(world.fleet.dataPlane.ports[mode], "127.0.0.1", undefined, WAIT_MS);
      const startup = { user: `${ROLE[mode]}.${TENANT}`, database: "postgres", application_name: who };
      const { pid, secret } = await client.logIn(startup, { password: PASSWORD });
      return new Conversation(client, { pid, secret }, who, verdict);
    } catch (error) {
      client?.close();
      throw lostOrNot(error);
    }
  }

  send(...bytes: readonly Buffer[]): void {
    this.client.send(...bytes);
  }

  /** A simple query; its rows as text. Throws Lost, Unserved. */
  ask(mark: string, sql: string, fails: readonly string[] = []): Promise<string[][]> {
    this.send(query(sql));
    return this.hear({ marks: [mark], fails });
  }

  /** Reads up to the request's end, and looks at everything. Throws Lost, Unserved. */
  async hear({ marks, ready = 1, fails = [], until, open = false }: Request): Promise<string[][]> {
    const rows: string[][] = [];
    this.failures = [];
    let unserved: string | undefined;
    let at = 0;
    const own = (mark: string, what: string): void => {
      const found = marks.indexOf(mark, at);
      if (found === -1)
        this.#violated(`${what} of ${JSON.stringify(mark.slice(0, 80))}, asked as ${marks.slice(at).join()}`);
      else at = found;
    };
    for (let left = ready; left > 0; ) {
      const { type, body } = await this.#message();
      switch (type) {
        case "D": {
          const row = rowOf(body);
          own(row[0] ?? "", "a row");
          rows.push(row);
          break;
        }
        case "d":
          own(/^[^\t\n]*/.exec(body.toString("utf8"))?.[0] ?? "", "COPY data");
          break;
        case "E":
        case "N":
          unserved = this.#told(type, body, marks, fails) ?? unserved;
          break;
        case "A":
          this.#notified(body);
          break;
        case "Z":
          this.status = body.toString("latin1");
          left -= 1;
          break;
        default:
          if (!"TtnCS123sIGHWc".includes(type)) this.#violated(`a message of type ${type}`);
      }
      if (until === type) return rows;
      if (open && type === "E") this.send(SYNC);
    }
    if (unserved !== undefined) throw new Unserved(unserved);
    return rows;
  }

  /** Says goodbye properly, or goes without a word at some point. */
  leave(random: Random): void {
    if (random.chance(0.6)) this.client.send(TERMINATE);
    this.client.close();
  }

  /** As a process that ends, or a machine that forgets it. */
  vanish(random: Random): void {
    if (random.chance(0.5)) this.client.socket.resetAndDestroy();
    this.client.close();
  }

  async #message(): Promise<RawMessage> {
    try {
      return await this.client.message();
    } catch (error) {
      if (error instanceof Error && error.message.includes("did not come within")) {
        this.#violated(`hangs: ${error.message}`);
      }
      throw new Lost(String(error));
    }
  }

  /** The SQLSTATE of an error that breakage explains. */
  #told(
    type: "E" | "N",
    body: Buffer,
    marks: readonly string[],
    fails: readonly string[],
  ): string | undefined {
    const { S = "", C = "", M = "" } = errorFields(body);
    if (isOfBreakage(C)) {
      this.#verdict.count(`told ${C}`);
      if (S === "FATAL" || S === "PANIC") throw new Lost(`${C} ${M}`);
      return type === "E" ? C : undefined;
    }
    if (type === "E" && fails.includes(C)) {
      this.failures.push(M);
      return undefined;
    }
    if (C === "57014" && performance.now() - this.cancelledAtMs < LATE_CANCEL_MS) return C;
    if (type === "N" && marks.some((mark) => M.includes(mark))) return undefined;
    this.#violated(
      `${type === "E" ? "an error" : "a notice"} of nobody: ${S} ${C} ${M}, asked as ${marks.join()}`,
    );
    return type === "E" ? C : undefined;
  }

  #notified(body: Buffer): void {
    const [channel = "", payload = ""] = body.toString("utf8", 4).split("\0");
    if (channel !== `news_${this.#who}` || !payload.startsWith(`${this.#who}:`))
      this.#violated(`a notification of ${channel} ${payload}`);
  }

  #violated(what: string): void {
    this.#verdict.violated(this.#who, what);
  }
}

/** What a login that failed means. */
function lostOrNot(error: unknown): Error {
  const text = String(error);
  const sqlstate = /"C":"(\w{5})"/.exec(text)?.[1];
  if (isOfBreakage(sqlstate)) return new Lost(text);
  if (sqlstate === undefined && /ECONN|EPIPE|closed before|the connection ended/.test(text))
    return new Lost(text);
  return error instanceof Error ? error : new Error(text);
}
