import { randomUUID } from "node:crypto";
import { type Deadline, within } from "@sluice/shared/time";
import { DirectSocket, type ServerSocket } from "../transport/index.js";
import {
  Backend,
  BackendScanner,
  BodyReader,
  decodeErrorFields,
  FrameReader,
  query,
  SYNC,
  TERMINATE,
  TransactionStatus,
} from "../wire/index.js";
import type { ServerGreeting } from "./login.js";
import { MarkSearch } from "./mark-search.js";
import type { ReportedParameters } from "./reported-parameters.js";
import { ServerError, ServerGone } from "./server-error.js";
import { ServerStatements } from "./server-statements.js";
import { SessionSettings } from "./session-settings.js";

/** Of settings remembered as accepted, in number and in characters; forgotten all at once when there are more. */
const MOST_ACCEPTED = 1000;
const MOST_ACCEPTED_LENGTH = 256 * 1024;
/** A longer one is asked about each time. */
const LONGEST_ACCEPTED = 4096;
/** Of all that comes until a question of our own is answered. */
const MOST_ANSWER_BYTES = 4 * 1024 * 1024;
/** Of all that comes from one holder to the next: notices, notifications and parameters that nobody has asked for. */
const MOST_UNHELD_BYTES = 64 * 1024;

/** Whoever holds the server: it reads what the server sends. */
export interface ServerHolder {
  /**
   * What came, up to the last header that is whole. The messages in it have been told before. True: nobody has a use for
   * these bytes any more.
   */
  serverData(segment: Buffer): boolean | undefined;
  /** A message that is no row and no COPY data; `end` may lie beyond the segment. */
  begins(type: number, start: number, end: number): void;
  readyForQuery(status: number, end: number): void;
  /** The tag of a CommandComplete, while `watchTags` is on. */
  commandComplete(tag: string): void;
  errorResponse(error: ServerError, body: Buffer): void;
  copyIn(): void;
  parameterChanged(name: string, value: string): void;
  /** The server can be written to again. */
  serverDrain(): void;
  serverClosed(error: Error): void;
}

interface ExchangeOptions {
  /** ReadyForQuery that end it. */
  readonly owed?: number;
  readonly failOnError?: boolean;
  readonly collect?: (segment: Buffer) => void;
  /** Instead of their number: told each segment, and which message begins last in it or before. */
  readonly ends?: (segment: Buffer, lastType: number) => boolean;
}

/**
 * One connection to one Postgres, from the end of its login. It knows its own state from what passes by, whoever
 * holds it: transaction status, reported parameters, whether it stands between messages.
 */
export class ServerConnection {
  readonly socket: ServerSocket;
  /** Its bytes both ways. */
  readonly flow: DirectSocket;
  readonly pid: number;
  readonly secret: Buffer;
  readonly openedAtMs: number;
  /** As reported at login, before anyone set anything. */
  readonly baseline: ReadonlyMap<string, string>;
  /** What the last holder's settings made of this server. */
  settings = SessionSettings.EMPTY;
  /** Something untracked was left behind: DISCARD ALL before anybody else. */
  soiled = false;
  /** Something was left behind that nothing takes away: it is closed when it comes back. */
  spoiled = false;
  /** The prepared statements of ours that it holds. */
  readonly statements = new ServerStatements();
  /** Names that a client's statements left here, to be closed in front of whatever is sent next. */
  readonly leftovers: string[] = [];
  /** `name=value` of settings that it has accepted before. */
  readonly #accepted = new Set<string>();
  #acceptedLength = 0;
  /** The number of whoever held it last: what sequences gave out is theirs. 0: nobody. */
  lastHolder = 0;
  readonly #parameters: ReportedParameters;
  #reportedNames: ReadonlySet<string>;
  #status: number = TransactionStatus.idle;
  #closed: Error | undefined;
  #holder: ServerHolder | undefined;
  /** What has come since somebody held it last. */
  #unheldBytes = 0;
  #onIdleClose: (() => void) | undefined;
  readonly #scanner: BackendScanner;
  #lastError: ServerError | undefined;

  constructor(socket: ServerSocket, greeting: ServerGreeting, openedAtMs: number) {
    this.socket = socket;
    this.pid = greeting.pid;
    this.secret = greeting.secret;
    this.#parameters = greeting.parameters;
    this.baseline = new Map(this.parameters);
    this.#reportedNames = new Set([...this.parameters.keys()].map((name) => name.toLowerCase()));
    this.openedAtMs = openedAtMs;
    this.#scanner = new BackendScanner({
      begins: (type, start, end) => this.#holder?.begins(type, start, end),
      readyForQuery: (status, end) => {
        this.#status = status;
        this.#holder?.readyForQuery(status, end);
      },
      message: (type, body) => this.#message(type, body),
      copyIn: () => this.#holder?.copyIn(),
    });
    this.flow = new DirectSocket(socket);
    this.flow.begin({
      received: (segment) => this.#received(segment),
      drained: () => this.#holder?.serverDrain(),
    });
    socket.on("error", (error) => this.#end(new ServerGone(error.message, error)));
    socket.on("close", () => this.#end(new ServerGone("closed by the server")));
    socket.on("end", () => socket.destroy());
  }

  /** As reported now, by the server's own spelling. */
  get parameters(): ReadonlyMap<string, string> {
    return this.#parameters.values;
  }

  get openForMs(): number {
    return performance.now() - this.openedAtMs;
  }

  get closed(): boolean {
    return this.#closed !== undefined;
  }

  get transactionStatus(): number {
    return this.#status;
  }

  /** The ErrorResponse that came last, for whoever has to say why the server went. */
  get lastError(): ServerError | undefined {
    return this.#lastError;
  }

  /** Ready, nothing half read, still there. */
  get idle(): boolean {
    return (
      this.#closed === undefined && this.#status === TransactionStatus.idle && this.#scanner.betweenMessages
    );
  }

  /** Whether all that came has been whole messages. */
  get betweenMessages(): boolean {
    return this.#scanner.betweenMessages;
  }

  /** By lower-case name: changes of it come as ParameterStatus. */
  reports(name: string): boolean {
    return this.#reportedNames.has(name);
  }

  /** Whether CommandComplete is told with its tag. */
  set watchTags(on: boolean) {
    this.#scanner.wantsTags = on;
  }

  /** Whether this server has taken all these `name=value` before. */
  hasAccepted(pairs: readonly string[]): boolean {
    for (const pair of pairs) if (!this.#accepted.has(pair)) return false;
    return true;
  }

  accepted(pairs: readonly string[]): void {
    for (const pair of pairs) {
      if (pair.length > LONGEST_ACCEPTED || this.#accepted.has(pair)) continue;
      if (this.#accepted.size >= MOST_ACCEPTED || this.#acceptedLength + pair.length > MOST_ACCEPTED_LENGTH) {
        this.#accepted.clear();
        this.#acceptedLength = 0;
      }
      this.#accepted.add(pair);
      this.#acceptedLength += pair.length;
    }
  }

  /** DISCARD ALL was run: it is as after its login. */
  discarded(): void {
    this.settings = SessionSettings.EMPTY;
    this.soiled = false;
    this.leftovers.length = 0;
    this.statements.clear();
  }

  hold(holder: ServerHolder): void {
    this.#holder = holder;
    this.#unheldBytes = 0;
    this.#lastError = undefined;
    this.flow.resume();
  }

  /** Its holder hears nothing more: another session's answers would be told to it, and that session's end. */
  letGo(): void {
    this.#holder = undefined;
  }

  /** Nobody holds it; `onClose` hears when it ends by itself, or is ended because it does not stop talking. */
  rest(onClose: () => void): void {
    this.#holder = undefined;
    this.#onIdleClose = onClose;
    this.flow.resume();
  }

  /**
   * Runs a query of our own and swallows its answers. Only while nothing is outstanding.
   * @throws ServerError after the server's ReadyForQuery, ServerGone, DeadlinePassed
   */
  async run(text: string, deadline: Deadline): Promise<void> {
    await within(
      deadline,
      "query of our own",
      this.#exchange(() => this.flow.write(query(text))),
    );
  }

  /** Waits for a sign of life. Only while nothing is outstanding. */
  async ping(deadline: Deadline): Promise<void> {
    await within(
      deadline,
      "sign of life",
      this.#exchange(() => this.flow.write(SYNC)),
    );
  }

  /**
   * Runs a query of our own and gives its rows as text. `notified` is told of notifications that come meanwhile.
   * @throws ServerError after the server's ReadyForQuery, ServerGone, DeadlinePassed
   */
  async ask(
    text: string,
    deadline: Deadline,
    notified?: (body: Buffer) => void,
  ): Promise<readonly (readonly (string | undefined)[])[]> {
    const segments: Buffer[] = [];
    let bytes = 0;
    const collect = (segment: Buffer): void => {
      bytes += segment.length;
      if (bytes > MOST_ANSWER_BYTES)
        this.#end(new ServerGone("the answer to a question of our own was too long"));
      else segments.push(segment);
    };
    await within(
      deadline,
      "question of our own",
      this.#exchange(() => this.flow.write(query(text)), { collect }),
    );
    const reader = new FrameReader(MOST_ANSWER_BYTES);
    reader.push(Buffer.concat(segments, bytes));
    const rows: (readonly (string | undefined)[])[] = [];
    for (let frame = reader.next(); frame !== undefined; frame = reader.next())
      if (frame.type === Backend.DataRow) rows.push(textsOf(frame.body));
      else if (frame.type === Backend.NotificationResponse) notified?.(frame.body);
    return rows;
  }

  /** Waits until what was sent before us has been answered: `owed` times ReadyForQuery. */
  async drain(owed: number, deadline: Deadline): Promise<void> {
    if (owed > 0)
      await within(
        deadline,
        "drain",
        this.#exchange(() => undefined, { owed, failOnError: false }),
      );
  }

  /**
   * Reads away whatever is still to come, when nobody knows how much that is: up to the answer to a question that nobody
   * else has asked. Leaves no transaction open. In front of it goes what brings the server to answer: the first ROLLBACK
   * is lost where COPY data is read or PostgreSQL says XX000, and behind an error everything up to a Sync is.
   */
  async resync(deadline: Deadline): Promise<void> {
    const mark = randomUUID();
    const question = Buffer.concat([query("ROLLBACK"), SYNC, query("ROLLBACK"), query(`SELECT '${mark}'`)]);
    const search = new MarkSearch(mark);
    const ends = (segment: Buffer, lastType: number): boolean =>
      search.found(segment) && lastType === Backend.ReadyForQuery && this.idle;
    await within(
      deadline,
      "resync",
      this.#exchange(() => this.flow.write(question), { failOnError: false, ends }),
    );
  }

  close(): void {
    if (this.#closed !== undefined) return;
    this.#closed = new ServerGone("closed by us");
    this.#holder = undefined;
    const idleClose = this.#onIdleClose;
    this.#onIdleClose = undefined;
    if (this.socket.writable) this.socket.end(TERMINATE);
    // The answer to Terminate is the close; a server that does not close must not keep the socket.
    this.socket.setTimeout(1000, () => this.socket.destroy());
    idleClose?.();
  }

  /** It is not to be used any more, and whoever holds it is told so. */
  fail(error: ServerGone): void {
    this.#end(error);
  }

  /** Calls once its socket is closed: until then the database has it. */
  whenGone(call: () => void): void {
    if (this.socket.closed) call();
    else this.socket.once("close", call);
  }

  #exchange(
    send: () => void,
    { owed = 1, failOnError = true, collect, ends }: ExchangeOptions = {},
  ): Promise<void> {
    return new Promise((resolve, reject) => {
      if (this.#closed !== undefined) {
        reject(this.#closed);
        return;
      }
      let left = owed;
      let lastType = 0;
      const holder = this.#holder;
      const finish = (): void => {
        this.#holder = holder;
        const error = this.#lastError;
        if (failOnError && error !== undefined) reject(error);
        else resolve();
      };
      this.hold({
        // Behind the messages that end in it, so that nothing of the last one is left.
        serverData: (segment) => {
          collect?.(segment);
          if (this.#closed !== undefined) return undefined;
          if (ends === undefined ? left <= 0 : ends(segment, lastType)) finish();
          return undefined;
        },
        begins: (type) => {
          lastType = type;
        },
        readyForQuery: () => {
          left -= 1;
        },
        commandComplete: () => undefined,
        errorResponse: () => undefined,
        copyIn: () => undefined,
        parameterChanged: () => undefined,
        serverDrain: () => undefined,
        serverClosed: (error) => reject(this.#lastError ?? error),
      });
      send();
    });
  }

  #received(segment: Buffer): boolean | undefined {
    if (this.#holder === undefined && this.#isTooMuch(segment)) return undefined;
    let whole: Buffer;
    try {
      whole = this.#scanner.scan(segment);
    } catch (error) {
      this.#end(error instanceof Error ? error : new ServerGone(String(error)));
      this.socket.destroy();
      return undefined;
    }
    return this.#holder?.serverData(whole);
  }

  /** While nobody holds it there is no reader whose pace would slow it: what it says costs everybody's time. */
  #isTooMuch(segment: Buffer): boolean {
    this.#unheldBytes += segment.length;
    if (this.#unheldBytes <= MOST_UNHELD_BYTES) return false;
    this.#end(new ServerGone("it said too much while nobody held it"));
    // One that was told to go and talks on has ended before.
    this.socket.destroy();
    return true;
  }

  #message(type: number, body: Buffer): void {
    if (type === Backend.ErrorResponse) {
      const error = new ServerError(decodeErrorFields(body));
      this.#lastError = error;
      this.#holder?.errorResponse(error, body);
      // Nobody asked for anything: the server is going away.
      if (this.#holder === undefined) this.socket.destroy();
      return;
    }
    const reader = new BodyReader(body);
    if (type === Backend.CommandComplete) {
      this.#holder?.commandComplete(reader.string());
      return;
    }
    const name = reader.string();
    const value = reader.string();
    this.#parameters.set(name, value);
    this.#holder?.parameterChanged(name, value);
  }

  #end(error: Error): void {
    if (this.#closed !== undefined) return;
    this.#closed = error;
    const holder = this.#holder;
    this.#holder = undefined;
    const idleClose = this.#onIdleClose;
    this.#onIdleClose = undefined;
    this.socket.destroy();
    holder?.serverClosed(error);
    idleClose?.();
  }
}

/** Of a DataRow. */
function textsOf(body: Buffer): readonly (string | undefined)[] {
  const reader = new BodyReader(body);
  return Array.from({ length: reader.int16() }, () => {
    const length = reader.int32();
    return length < 0 ? undefined : reader.bytes(length).toString("utf8");
  });
}
