import { Duplex } from "node:stream";
import { Deadline, FakeClock } from "@sluice/shared/time";
import { describe, expect, it } from "vitest";
import type { ServerSocket } from "../transport/index.js";
import { ReportedParameters } from "./reported-parameters.js";
import { ServerConnection, type ServerHolder } from "./server-connection.js";

const READY = Buffer.from([0x5a, 0, 0, 0, 5, 0x49]);
const PARAMETER = Buffer.from("S\0\0\0\x11timezone\0GMT\0", "latin1");

/** Answers each query: with a changed parameter and ReadyForQuery. */
class AnsweringSocket extends Duplex {
  readonly #answer: readonly Buffer[];
  constructor(answer: readonly Buffer[] = [Buffer.concat([PARAMETER, READY])]) {
    super();
    this.#answer = answer;
  }
  override _read(): void {}
  override _write(_chunk: Buffer, _encoding: unknown, done: () => void): void {
    for (const part of this.#answer) this.push(part);
    done();
  }
  setTimeout(): this {
    return this;
  }
}

/** Writes down what it is told. */
class Listener implements ServerHolder {
  readonly told: string[] = [];
  serverData(): undefined {
    this.told.push("data");
  }
  readyForQuery(): void {
    this.told.push("ready");
  }
  begins(): void {
    this.told.push("begins");
  }
  commandComplete(): void {
    this.told.push("command complete");
  }
  errorResponse(): void {
    this.told.push("error");
  }
  copyIn(): void {
    this.told.push("copy in");
  }
  parameterChanged(name: string): void {
    this.told.push(name);
  }
  serverDrain(): void {
    this.told.push("drain");
  }
  serverClosed(): void {
    this.told.push("closed");
  }
}

const open = (answer?: readonly Buffer[]): { server: ServerConnection; socket: AnsweringSocket } => {
  const socket = new AnsweringSocket(answer);
  const greeting = { pid: 1, secret: Buffer.alloc(4), parameters: new ReportedParameters() };
  return { server: new ServerConnection(socket as unknown as ServerSocket, greeting, 0), socket };
};

/** A DataRow of one value. */
const rowOf = (bytes: number): Buffer => {
  const row = Buffer.alloc(11 + bytes, 0x61);
  row.write("D", 0, "latin1");
  row.writeInt32BE(10 + bytes, 1);
  row.writeInt16BE(1, 5);
  row.writeInt32BE(bytes, 7);
  return row;
};

describe("a question of our own", () => {
  const ask = (answer: readonly Buffer[]) => {
    const { server } = open(answer);
    return { server, rows: server.ask("SELECT", Deadline.after(new FakeClock(), 1000)) };
  };

  it("is answered by rows cut anywhere", async () => {
    const row = rowOf(100_000);
    const parts = Array.from({ length: 11 }, (_, i) => row.subarray(i * 10_000, (i + 1) * 10_000));
    const { rows } = ask([...parts, READY]);
    expect(await rows).toEqual([["a".repeat(100_000)]]);
  });

  it("ends the server whose answer does not end", async () => {
    const { server, rows } = ask(Array.from({ length: 70 }, () => rowOf(64 * 1024)));
    await expect(rows).rejects.toThrow("server closed the connection unexpectedly");
    expect(server.closed).toBe(true);
  });
});

describe("a server that goes from one holder to the next", () => {
  it("tells a holder that has let go nothing: no answer to a query of our own, no parameter, no end", async () => {
    const { server, socket } = open();
    const last = new Listener();
    server.hold(last);
    server.letGo();
    await server.run("SET timezone = 'GMT'", Deadline.after(new FakeClock(), 1000));
    socket.push(PARAMETER);
    await new Promise((resolve) => {
      socket.once("close", resolve);
      socket.destroy();
    });
    expect(last.told).toEqual([]);
    expect(server.closed).toBe(true);
  });

  it("tells its holder nothing of what a query of our own is answered, and all that comes later", async () => {
    const { server, socket } = open();
    const holder = new Listener();
    server.hold(holder);
    await server.run("SET timezone = 'GMT'", Deadline.after(new FakeClock(), 1000));
    expect(holder.told).toEqual([]);
    socket.push(READY);
    await new Promise((resolve) => setImmediate(resolve));
    expect(holder.told).toEqual(["begins", "ready", "data"]);
  });
});

describe("a server that nobody holds", () => {
  const NOTICE = Buffer.concat([Buffer.from("N\0\0\x04\x04", "latin1"), Buffer.alloc(1024)]);
  const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
  const say = async (socket: AnsweringSocket, notices: number): Promise<void> => {
    for (let i = 0; i < notices; i++) socket.push(NOTICE);
    await turn();
  };

  it("may say a little from one holder to the next", async () => {
    const { server, socket } = open();
    for (let holder = 0; holder < 4; holder++) {
      server.rest(() => undefined);
      await say(socket, 60);
      expect(server.idle).toBe(true);
      server.hold(new Listener());
      await say(socket, 1000);
    }
    expect(server.closed).toBe(false);
  });

  it("is ended when it does not stop", async () => {
    const { server, socket } = open();
    let told = 0;
    server.rest(() => {
      told += 1;
    });
    await say(socket, 60);
    expect(server.closed).toBe(false);
    await say(socket, 10);
    expect([server.closed, socket.destroyed, told]).toEqual([true, true, 1]);
  });

  it("is ended, too, while it is not at rest yet", async () => {
    const { server, socket } = open();
    server.hold(new Listener());
    server.letGo();
    await say(socket, 70);
    expect(server.closed).toBe(true);
  });

  it("is not waited for when it was told to go and talks on", async () => {
    const { server, socket } = open();
    server.rest(() => undefined);
    server.close();
    await say(socket, 60);
    expect(socket.destroyed).toBe(false);
    await say(socket, 10);
    expect(socket.destroyed).toBe(true);
  });
});
