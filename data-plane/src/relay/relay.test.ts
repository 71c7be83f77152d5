import type { Socket } from "node:net";
import { Duplex } from "node:stream";
import { silentLogger } from "@sluice/shared/observability";
import { FakeClock } from "@sluice/shared/time";
import { describe, expect, it } from "vitest";
import { PoolMeter } from "../metrics/index.js";
import type { Lease, Pool, ReleaseReport } from "../pool/index.js";
import { ReportedParameters, ServerConnection, SessionSettings } from "../server/index.js";
import { DirectSocket, type ServerSocket } from "../transport/index.js";
import { MessageWriter } from "../wire/index.js";
import { Exchanges } from "./exchanges.js";
import { Relay } from "./relay.js";
import { QueryCanceled } from "./relay-failure.js";
import { SharedStatements } from "./shared-statements.js";

const ANSWER = Buffer.concat([
  new MessageWriter().string("SELECT 1").end("C"),
  new MessageWriter().bytes(Buffer.from("I")).end("Z"),
]);

/** Does not tell that what it was sent has gone out, unless it is `quick`. */
class SlowSocket extends Duplex {
  quick = false;
  override _read(): void {}
  override _write(_bytes: Buffer, _encoding: string, done: () => void): void {
    if (this.quick) done();
  }
  setTimeout(): this {
    return this;
  }
}

class Rig {
  readonly client = new SlowSocket();
  readonly flow = new DirectSocket(this.client as unknown as Socket);
  readonly serverSocket = new SlowSocket();
  readonly server = new ServerConnection(
    this.serverSocket as unknown as ServerSocket,
    { pid: 1, secret: Buffer.alloc(4), parameters: new ReportedParameters() },
    0,
  );
  readonly released: ReleaseReport[] = [];
  readonly clock = new FakeClock();
  readonly shared = new SharedStatements();
  readonly relay: Relay;
  readonly lease: Lease;
  /** Cancel requests reach the server. */
  delivers = true;
  ends = 0;
  /** The pool has a server at hand. */
  atHand = true;

  constructor(settings = SessionSettings.EMPTY) {
    const lease: Lease = {
      server: this.server,
      state: "leased",
      moved: false,
      pinning: false,
      pin: () => undefined,
      unpin: () => undefined,
      release: (report) => {
        this.released.push(report);
        this.server.rest(() => undefined);
      },
      beginCancel: () => () => undefined,
      cancel: async () => {
        if (!this.delivers) throw new Error("nobody is there");
      },
    };
    this.lease = lease;
    this.relay = new Relay({
      client: this.flow,
      host: {
        currentPool: () =>
          ({
            takeIdle: () => (this.atHand ? lease : undefined),
            enter: () => ({ leave: () => true }),
            checkoutTimeoutMs: 1000,
            mayPin: true,
          }) as unknown as Pool,
        end: () => {
          this.ends += 1;
        },
      },
      settings,
      naming: "client",
      shared: this.shared,
      exchanges: new Exchanges(),
      meter: new PoolMeter({ tenant: "t", database: "d", user: "u", mode: "transaction" }),
      clock: this.clock,
      logger: silentLogger,
    });
    this.flow.begin(this.relay);
  }

  /** What the server is sent of it; the answer comes. */
  async ask(request: Buffer, answer: Buffer): Promise<string> {
    const sent: Buffer[] = [];
    this.serverSocket.write = (bytes: Buffer) => sent.push(bytes) > 0;
    this.relay.received(request);
    this.serverSocket.push(answer);
    await new Promise(setImmediate);
    return Buffer.concat(sent).toString("latin1");
  }
}

const PARSED = new MessageWriter().end("1");
const CLOSED = new MessageWriter().end("3");
const READY = new MessageWriter().bytes(Buffer.from("I")).end("Z");
const SYNC = new MessageWriter().end("S");
const query = (sql: string) => new MessageWriter().string(sql).end("Q");
const parse = (name: string, sql: string) => new MessageWriter().string(name).string(sql).int16(0).end("P");
const bind = (statement: string) =>
  new MessageWriter().string("").string(statement).int16(0).int16(0).int16(0).end("B");

describe("Relay", () => {
  it("listens to its client again when the answer comes before the server's socket has told that it took all", async () => {
    const rig = new Rig();
    rig.relay.received(new MessageWriter().string("x".repeat(100_000)).end("Q"));
    expect(rig.client.isPaused()).toBe(true);
    rig.serverSocket.push(ANSWER);
    await new Promise(setImmediate);
    expect(rig.released).toEqual([{ owed: 0, halfSent: false }]);
    expect(rig.client.isPaused()).toBe(false);
  });

  it("is done with a server's bytes when its client's socket has taken them, and not before", () => {
    const rig = new Rig();
    rig.relay.received(query("select 1"));
    // Held by the socket: were they overwritten, the client would read another one's answer.
    expect(rig.relay.serverData(Buffer.from(ANSWER))).toBe(false);
    const quick = new Rig();
    quick.client.quick = true;
    quick.relay.received(query("select 1"));
    expect(quick.relay.serverData(Buffer.from(ANSWER))).toBe(true);
  });

  it("serves one request after the other", async () => {
    const rig = new Rig();
    for (const sql of ["select 1", "select 2", "select 3"]) {
      expect(await rig.ask(query(sql), ANSWER)).toContain(sql);
    }
    expect(rig.released).toHaveLength(3);
  });

  it.each(["", "mine"])("knows the statement %j of an earlier request", async (name) => {
    const rig = new Rig();
    const parsed = await rig.ask(
      Buffer.concat([parse(name, "select 42"), SYNC]),
      // A Close of ours goes in front of a name's.
      Buffer.concat([...(name === "" ? [] : [CLOSED]), PARSED, READY]),
    );
    expect(parsed).toContain("select 42");
    rig.server.statements.clear();
    const bound = await rig.ask(
      Buffer.concat([bind(name), SYNC]),
      Buffer.concat([...(name === "" ? [] : [CLOSED]), PARSED, new MessageWriter().end("2"), READY]),
    );
    // On a server that does not have it.
    expect(bound).toContain("select 42");
  });

  it("asks for a server again for what comes behind COPY data that is too late", async () => {
    const rig = new Rig();
    rig.atHand = false;
    rig.relay.received(new MessageWriter().end("c"));
    rig.relay.received(query("select 1"));
    expect(rig.relay.state).toBe("waiting");
    const sent: Buffer[] = [];
    rig.serverSocket.write = (bytes: Buffer) => sent.push(bytes) > 0;
    rig.atHand = true;
    rig.relay.granted(rig.lease);
    expect(Buffer.concat(sent).toString("latin1")).toContain("select 1");
    expect(rig.released).toHaveLength(1);
    rig.serverSocket.push(ANSWER);
    await new Promise(setImmediate);
    expect(rig.released).toHaveLength(2);
  });

  it("does not take a server for one with its settings when a cancel request keeps them from being sent", async () => {
    const own = SessionSettings.of(new Map([["search_path", "own"]]));
    const others = SessionSettings.of(new Map([["search_path", "others"]]));
    const rig = new Rig(own);
    for (const settings of [own, others]) rig.server.accepted(settings.pairs);
    rig.server.settings = own;
    // What it has left behind is asked; meanwhile the next request comes, and is cancelled.
    await rig.ask(query("listen x"), ANSWER);
    rig.relay.received(query("select 2"));
    rig.relay.cancel();
    rig.atHand = false;
    rig.serverSocket.push(ANSWER);
    await new Promise(setImmediate);
    expect([rig.relay.state, rig.released]).toEqual(["waiting", [{ owed: 0, halfSent: false }]]);
    rig.server.settings = others;
    const told: Buffer[] = [];
    rig.client.write = (bytes: Buffer) => told.push(bytes) > 0;
    rig.relay.granted(rig.lease);
    expect(Buffer.concat(told).toString("latin1")).toContain("57014");
    expect(rig.server.settings).toBe(others);
    expect([rig.relay.state, rig.released.length]).toEqual(["idle", 2]);
  });

  it("ends its client where a cancel request cannot be delivered, and gives the server up", async () => {
    const rig = new Rig();
    rig.delivers = false;
    rig.relay.received(query("select pg_sleep(60)"));
    rig.relay.cancel();
    await new Promise(setImmediate);
    expect([rig.ends, rig.server.closed, rig.relay.holdsServer]).toEqual([1, true, false]);
    expect(rig.released).toEqual([{ owed: 0, halfSent: true }]);
  });

  it("does not hear a client that does not read how it was refused", async () => {
    const rig = new Rig();
    rig.atHand = false;
    const told: (() => void)[] = [];
    rig.client._write = (_bytes: Buffer, _encoding: string, done: () => void) => told.push(done);
    const many = Buffer.concat(Array.from({ length: 30_000 }, () => query("")));
    rig.relay.received(many);
    rig.relay.received(many);
    expect(rig.flow.paused).toBe(true);
    rig.relay.refused(new QueryCanceled());
    expect([rig.relay.state, rig.flow.paused]).toEqual(["idle", true]);
    for (let done = told.shift(); done !== undefined; done = told.shift()) {
      done();
      await new Promise(setImmediate);
    }
    expect(rig.flow.paused).toBe(false);
  });

  it("has a server discard everything when its client goes before the settings were taken", () => {
    const own = SessionSettings.of(new Map([["app.tenant", "own"]]));
    const rig = new Rig(own);
    rig.server.accepted(own.pairs);
    rig.relay.received(query("select 1"));
    expect([rig.server.settings, rig.server.soiled]).toEqual([own, false]);
    rig.relay.clientClosed();
    expect(rig.server.soiled).toBe(true);
  });

  it("leaves its number on a server that it was looking at when it went", async () => {
    const rig = new Rig();
    rig.server.lastHolder = -1;
    await rig.ask(query("listen x"), ANSWER);
    rig.relay.clientClosed();
    rig.serverSocket.push(ANSWER);
    await new Promise(setImmediate);
    expect([rig.released.length, rig.server.lastHolder > 0]).toEqual([1, true]);
  });

  it("forgets a cancel request for what has been answered", async () => {
    const own = SessionSettings.of(new Map([["search_path", "own"]]));
    const rig = new Rig(own);
    rig.server.accepted(own.pairs);
    rig.server.settings = own;
    // Behind a RESET goes a query of ours; the client has its answer when the cancel request comes.
    rig.relay.received(query("reset search_path"));
    rig.serverSocket.push(ANSWER);
    await new Promise(setImmediate);
    rig.relay.cancel();
    // Ours, and what it was asked then.
    for (let answer = 0; answer < 2; answer++) {
      rig.serverSocket.push(ANSWER);
      await new Promise(setImmediate);
    }
    expect(rig.relay.state).toBe("idle");
    expect(await rig.ask(query("select 2"), ANSWER)).toContain("select 2");
  });

  it("lets a statement go with its client", async () => {
    const rig = new Rig();
    await rig.ask(Buffer.concat([parse("mine", "select 42"), SYNC]), Buffer.concat([CLOSED, PARSED, READY]));
    expect(rig.shared.size).toBe(1);
    rig.relay.clientClosed();
    expect(rig.shared.size).toBe(0);
  });
});
