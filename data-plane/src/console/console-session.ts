import type { Socket } from "node:net";
import { SluiceError } from "@sluice/shared/errors";
import { errorResponseOf, type Frame, FrameReader, Frontend, READY_IDLE } from "../wire/index.js";
import { splitCommands } from "./command.js";
import type { Console } from "./console.js";
import { ExtendedQueryOnConsole } from "./console-failure.js";
import type { ConsoleUser } from "./console-users.js";
import { commandComplete, EMPTY_QUERY, encodeTable } from "./table.js";

const MOST_MESSAGE_BYTES = 64 * 1024;

/** One logged-in client of the console: simple queries, one after the other. */
export class ConsoleSession {
  readonly #socket: Socket;
  readonly #console: Console;
  readonly #user: ConsoleUser;
  readonly #address: string;
  readonly #frames = new FrameReader(MOST_MESSAGE_BYTES);
  #running = false;
  /** After an extended message everything up to Sync is passed over. */
  #skipping = false;

  constructor(socket: Socket, console: Console, user: ConsoleUser, address: string) {
    this.#socket = socket;
    this.#console = console;
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
      }
    } catch (error) {
      this.#socket.end(errorResponseOf("FATAL", SluiceError.from(error)));
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
        this.#socket.write(READY_IDLE);
        break;
      default:
        if (!this.#skipping) this.#socket.write(errorResponseOf("ERROR", new ExtendedQueryOnConsole()));
        this.#skipping = true;
    }
  }

  async #query(text: string): Promise<void> {
    const commands = splitCommands(text);
    if (commands.length === 0) this.#socket.write(EMPTY_QUERY);
    try {
      for (const command of commands) {
        const outcome = await this.#console.run(command, this.#user, this.#address);
        if ("table" in outcome) this.#socket.write(encodeTable(outcome.table));
        this.#socket.write(commandComplete("table" in outcome ? "SHOW" : outcome.tag));
      }
    } catch (error) {
      this.#socket.write(errorResponseOf("ERROR", SluiceError.from(error)));
    }
    this.#socket.write(READY_IDLE);
  }
}
