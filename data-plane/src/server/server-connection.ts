import { type Deadline, within } from "@sluice/shared/time";
import type { ServerSocket } from "../transport/index.js";
import {
  Backend,
  BackendScanner,
  BodyReader,
  decodeErrorFields,
  query,
  TERMINATE,
  TransactionStatus,
} from "../wire/index.js";
import type { ServerGreeting } from "./login.js";
import { ServerError, ServerGone } from "./server-error.js";
import { SessionSettings } from "./session-settings.js";

/** Whoever holds the server: it reads what the server sends. */
export interface ServerHolder {
  /** A segment as it came. The messages that it ends have been told before. */
  serverData(segment: Buffer): void;
  readyForQuery(status: number): void;
  copyIn(): void;
  parameterChanged(name: string, value: string): void;
  /** The server can be written to again. */
  serverDrain(): void;
  serverClosed(error: Error): void;
}

/**
 * One connection to one Postgres, from the end of its login. It knows its own state from what passes by, whoever
 * holds it: transaction status, reported parameters, whether it stands between messages.
 */
export class ServerConnection {
  readonly socket: ServerSocket;
  readonly pid: number;
  readonly secret: Buffer;
  readonly openedAtMs: number;
  /** As reported now, by the server's own spelling. */
  readonly parameters: Map<string, string>;
  /** As reported at login, before anyone set anything. */
  readonly baseline: ReadonlyMap<string, string>;
  /** What the last holder's settings made of this server. */
  settings = SessionSettings.EMPTY;
  /** Something untracked was left behind: DISCARD ALL before anybody else. */
  soiled = false;
  #reportedNames: ReadonlySet<string>;
  #status: number = TransactionStatus.idle;
  #closed: Error | undefined;
  #holder: ServerHolder | undefined;
  #onIdleClose: (() => void) | undefined;
  readonly #scanner: BackendScanner;
  #lastError: ServerError | undefined;

  constructor(socket: ServerSocket, greeting: ServerGreeting, openedAtMs: number) {
    this.socket = socket;
    this.pid = greeting.pid;
    this.secret = greeting.secret;
    this.parameters = greeting.parameters;
    this.baseline = new Map(greeting.parameters);
    this.#reportedNames = new Set([...greeting.parameters.keys()].map((name) => name.toLowerCase()));
    this.openedAtMs = openedAtMs;
    this.#scanner = new BackendScanner({
      readyForQuery: (status) => {
        this.#status = status;
        this.#holder?.readyForQuery(status);
      },
      message: (type, body) => this.#message(type, body),
      copyIn: () => this.#holder?.copyIn(),
    });
    socket.on("data", (segment: Buffer) => this.#received(segment));
    socket.on("drain", () => this.#holder?.serverDrain());
    socket.on("error", (error) => this.#end(new ServerGone(error.message, error)));
    socket.on("close", () => this.#end(new ServerGone("closed by the server")));
    socket.on("end", () => socket.destroy());
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

  /** By lower-case name: changes of it come as ParameterStatus. */
  reports(name: string): boolean {
    return this.#reportedNames.has(name);
  }

  hold(holder: ServerHolder): void {
    this.#holder = holder;
    this.#lastError = undefined;
    this.socket.resume();
  }

  /** Nobody holds it; `onClose` hears when it ends by itself. */
  rest(onClose: () => void): void {
    this.#holder = undefined;
    this.#onIdleClose = onClose;
    this.socket.resume();
  }

  /**
   * Runs a query of our own and swallows its answers. Only while nothing is outstanding.
   * @throws ServerError after the server's ReadyForQuery, ServerGone, DeadlinePassed
   */
  async run(text: string, deadline: Deadline): Promise<void> {
    await within(
      deadline,
      "query of our own",
      this.#exchange(() => this.socket.write(query(text))),
    );
  }

  /** Waits until what was sent before us has been answered: `owed` times ReadyForQuery. */
  async drain(owed: number, deadline: Deadline): Promise<void> {
    if (owed > 0)
      await within(
        deadline,
        "drain",
        this.#exchange(() => undefined, owed, false),
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

  #exchange(send: () => void, owed = 1, failOnError = true): Promise<void> {
    return new Promise((resolve, reject) => {
      if (this.#closed !== undefined) {
        reject(this.#closed);
        return;
      }
      let left = owed;
      const holder = this.#holder;
      const finish = (): void => {
        this.#holder = holder;
        const error = this.#lastError;
        if (failOnError && error !== undefined) reject(error);
        else resolve();
      };
      this.hold({
        serverData: () => undefined,
        readyForQuery: () => {
          left -= 1;
          if (left === 0) finish();
        },
        copyIn: () => undefined,
        parameterChanged: () => undefined,
        serverDrain: () => undefined,
        serverClosed: (error) => reject(this.#lastError ?? error),
      });
      send();
    });
  }

  #received(segment: Buffer): void {
    try {
      this.#scanner.scan(segment);
    } catch (error) {
      this.#end(error instanceof Error ? error : new ServerGone(String(error)));
      this.socket.destroy();
      return;
    }
    this.#holder?.serverData(segment);
  }

  #message(type: number, body: Buffer): void {
    if (type === Backend.ErrorResponse) {
      this.#lastError = new ServerError(decodeErrorFields(body));
      // Nobody asked for anything: the server is going away.
      if (this.#holder === undefined) this.socket.destroy();
      return;
    }
    const reader = new BodyReader(body);
    const name = reader.string();
    const value = reader.string();
    this.parameters.set(name, value);
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
