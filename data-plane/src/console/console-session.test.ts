import { Duplex } from "node:stream";
import { setImmediate as othersTurn } from "node:timers/promises";
import { FakeClock } from "@sluice/shared/time";
import { beforeEach, describe, expect, it } from "vitest";
import { FrameReader, MessageWriter } from "../wire/index.js";
import { ConsoleSession } from "./console-session.js";
import type { ConsoleUser } from "./console-users.js";

/** A client that reads only when it is told to. */
class Client extends Duplex {
  readonly #held: (() => void)[] = [];
  readonly #received = new FrameReader(1024 * 1024);
  reads = false;

  override _read(): void {}

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
    this.#received.push(chunk);
    if (this.reads) done();
    else this.#held.push(done);
  }

  readOn(): void {
    this.reads = true;
    for (const done of this.#held.splice(0)) done();
  }

  /** Types of the messages that came, one letter each. */
  answers(): string {
    let types = "";
    for (let frame = this.#received.next(); frame !== undefined; frame = this.#received.next())
      types += String.fromCharCode(frame.type);
    return types;
  }
}

describe("a session on the console", () => {
  const user: ConsoleUser = {
    name: "bob",
    right: "read",
    verifier: () => Promise.reject(new Error("unused")),
  };
  const table = { columns: ["value"], rows: [["x".repeat(20_000)]] };
  let client: Client;
  let clock: FakeClock;
  let session: ConsoleSession;
  let runs: number;
  beforeEach(() => {
    client = new Client();
    clock = new FakeClock();
    runs = 0;
    const console = {
      run: () => {
        runs += 1;
        return Promise.resolve({ table });
      },
    };
    session = new ConsoleSession(client, console, user, "127.0.0.1", clock);
  });

  const query = (text: string): Buffer => new MessageWriter().string(text).end("Q");
  const severalTurns = async (): Promise<void> => {
    for (let turn = 0; turn < 10; turn++) await othersTurn();
  };

  it.each([
    ["in one message", query("show config;".repeat(5)), "TDCTDCTDCTDCTDCZ"],
    ["in several", Buffer.concat(Array.from({ length: 5 }, () => query("show config"))), "TDCZ".repeat(5)],
  ])("answers no more commands %s than the client reads", async (_, segment, answers) => {
    const done = session.received(segment);
    await severalTurns();
    expect(runs).toBe(1);
    client.readOn();
    await done;
    expect([runs, client.answers()]).toEqual([5, answers]);
  });

  it("ends with a client that goes while its answer waits", async () => {
    const done = session.received(query("show config;".repeat(5)));
    client.destroy();
    await done;
    expect(runs).toBe(1);
  });

  it("ends a client that does not read its answer for a minute", async () => {
    const done = session.received(query("show config;".repeat(5)));
    await severalTurns();
    clock.advance(60_000);
    await done;
    expect([client.destroyed, runs]).toEqual([true, 1]);
  });

  it("does none of more than a hundred commands in one message", async () => {
    client.reads = true;
    await session.received(query("show config;".repeat(101)));
    expect([runs, client.answers()]).toEqual([0, "EZ"]);
    await session.received(query("show config;".repeat(100)));
    expect(runs).toBe(100);
  });
});
