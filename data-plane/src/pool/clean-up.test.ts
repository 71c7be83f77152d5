import { Duplex } from "node:stream";
import { Deadline, FakeClock } from "@sluice/shared/time";
import { describe, expect, it } from "vitest";
import { ReportedParameters, ServerConnection, SessionSettings } from "../server/index.js";
import type { ServerSocket } from "../transport/index.js";
import { MessageWriter } from "../wire/index.js";
import { cleanUp } from "./clean-up.js";
import type { PooledServer } from "./pooled-server.js";

const ready = (status: string) => new MessageWriter().bytes(Buffer.from(status)).end("Z");
const DONE = new MessageWriter().string("OK").end("C");
const timezone = (value: string) => new MessageWriter().string("TimeZone").string(value).end("S");

/** A server that answers the texts it knows. */
class AnsweringSocket extends Duplex {
  readonly asked: string[] = [];
  readonly #answers: Readonly<Record<string, readonly Buffer[]>>;

  constructor(answers: Readonly<Record<string, readonly Buffer[]>>) {
    super();
    this.#answers = answers;
  }

  override _read(): void {}

  override _write(bytes: Buffer, _encoding: string, done: () => void): void {
    const text = bytes.toString("latin1", 5, bytes.length - 1);
    this.asked.push(text);
    this.push(Buffer.concat(this.#answers[text] ?? [DONE, ready("I")]));
    done();
  }

  setTimeout(): this {
    return this;
  }
}

describe("cleanUp", () => {
  it.each([
    [
      "discards everything where a rollback has changed a setting that the server counted as having",
      "Asia/Tokyo",
    ],
    ["only rolls back where it has not", "UTC"],
  ])("%s", async (_, inTransaction) => {
    const socket = new AnsweringSocket({ ROLLBACK: [timezone("UTC"), DONE, ready("I")] });
    const server = new ServerConnection(
      socket as unknown as ServerSocket,
      { pid: 1, secret: Buffer.alloc(4), parameters: new ReportedParameters([["TimeZone", "UTC"]]) },
      0,
    );
    server.hold({
      serverData: () => undefined,
      begins: () => undefined,
      readyForQuery: () => undefined,
      commandComplete: () => undefined,
      errorResponse: () => undefined,
      copyIn: () => undefined,
      parameterChanged: () => undefined,
      serverDrain: () => undefined,
      serverClosed: () => undefined,
    });
    socket.push(Buffer.concat([timezone(inTransaction), ready("T")]));
    await new Promise(setImmediate);
    server.settings = SessionSettings.of(new Map([["timezone", inTransaction]]));
    const pooled = { server, cancel: async () => undefined } as unknown as PooledServer;
    await cleanUp(pooled, { owed: 0, halfSent: false }, false, Deadline.after(new FakeClock(), 1000));
    const changed = inTransaction !== "UTC";
    expect(socket.asked).toEqual(changed ? ["ROLLBACK", "DISCARD ALL"] : ["ROLLBACK"]);
    if (changed) expect(server.settings).toBe(SessionSettings.EMPTY);
  });
});
