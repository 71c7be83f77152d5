import type { Duplex } from "node:stream";
import { setImmediate as othersTurn } from "node:timers/promises";
import { SluiceError } from "@sluice/shared/errors";
import type { Clock } from "@sluice/shared/time";
import { ClientGone } from "../session/index.js";
import { errorResponseOf, type Frame, FrameReader, Frontend, READY_IDLE } from "../wire/index.js";
import { splitCommands } from "./command.js";
import type { Console } from "./console.js";
import { ExtendedQueryOnConsole, TooManyConsoleCommands } from "./console-failure.js";
import type { ConsoleUser } from "./console-users.js";
import { commandComplete, EMPTY_QUERY, encodeTable } from "./table.js";

const MOST_MESSAGE_BYTES = 64 * 1024;
/** An answer may be many times as long as what asks for it. */
const MOST_COMMANDS = 100;
/** Whoever does not read an answer for so long makes room for others. */
const READ_TIMEOUT_MS = 60_000;

/**
 * One logged-in client of the console: simple queries, one after the other, each when the client has taken the answers
 * before it.
 */
export class ConsoleSession {
  readonly #socket: Duplex;
  readonly #console: Pick<Console, "run">;
  readonly #clock: Clock;
  readonly #user: ConsoleUser;
  readonly #address: string;
  readonly #frames = new FrameReader(MOST_MESSAGE_BYTES);
  #running = false;
  /** After an extended message everything up to Sync is passed over. */
  #skipping = false;

  constructor(
    socket: Duplex,
    console: Pick<Console, "run">,
    user: ConsoleUser,
    address: string,
    clock: Clock,
  ) {
    this.#socket = socket;
    this.#console = console;
    this.#clock = clock;
    this.#user = user;
    this.#address = address;
  }

  received(segment: Buffer): Promise<void> {
    this.#frames.push(segment);
    return this.#run();
  }

  /** One at a time; what comes meanwhile stays in the socket. */
  async #run(): Promise<void> {
    if (this.#running) return;
    this.#running = true;
    this.#socket.pause();
    try {
      for (let frame = this.#frames.next(); frame !== undefined; frame = this.#frames.next()) {
        await this.#message(frame);
        await othersTurn();
      }
    } catch (error) {
      if (!(error instanceof ClientGone)) this.#socket.end(errorResponseOf("FATAL", SluiceError.from(error)));
    } finally {
      this.#running = false;
      this.#socket.resume();
    }
  }

  async #message({ type, body }: Frame): Promise<void> {
    switch (type) {
      case Frontend.Query:
        await this.#query(body.toString("utf8", 0, Math.max(0, body.length - 1)));
        break;
      case Frontend.Terminate:
        this.#socket.end();
        break;
      case Frontend.Sync:
        this.#skipping = false;
        await this.#send(READY_IDLE);
        break;
      default:
        if (!this.#skipping) await this.#send(errorResponseOf("ERROR", new ExtendedQueryOnConsole()));
        this.#skipping = true;
    }
  }

  async #query(text: string): Promise<void> {
    try {
      const commands = splitCommands(text);
      if (commands.length > MOST_COMMANDS) throw new TooManyConsoleCommands(MOST_COMMANDS);
      if (commands.length === 0) await this.#send(EMPTY_QUERY);
      for (const command of commands) {
        const outcome = await this.#console.run(command, this.#user, this.#address);
        if ("table" in outcome) await this.#send(encodeTable(outcome.table));
        await this.#send(commandComplete("table" in outcome ? "SHOW" : outcome.tag));
      }
    } catch (error) {
      if (error instanceof ClientGone) throw error;
      await this.#send(errorResponseOf("ERROR", SluiceError.from(error)));
    }
    await this.#send(READY_IDLE);
  }

  /** Comes back when there is room for more. @throws ClientGone */
  async #send(bytes: Buffer): Promise<void> {
    const socket = this.#socket;
    if (!socket.destroyed && !socket.write(bytes)) {
      const timer = this.#clock.schedule(READ_TIMEOUT_MS, () => socket.destroy());
      await new Promise<void>((resolve) => {
        const done = (): void => {
          socket.off("drain", done).off("close", done);
          resolve();
        };
        socket.on("drain", done).on("close", done);
      });
      timer.cancel();
    }
    if (socket.destroyed) throw new ClientGone();
  }
}
