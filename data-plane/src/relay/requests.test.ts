import { Duplex } from "node:stream";
import { describe, expect, it } from "vitest";
import { PoolMeter } from "../metrics/index.js";
import { ReportedParameters, ServerConnection } from "../server/index.js";
import type { ServerSocket } from "../transport/index.js";
import { MalformedMessage, MessageWriter } from "../wire/index.js";
import type { Asker } from "./asker.js";
import { Effect } from "./effect.js";
import { Exchange } from "./exchange.js";
import type { Ledger } from "./ledger.js";
import type { Naming } from "./naming.js";
import { Owed } from "./owed.js";
import type { Remembered } from "./remembered.js";
import type { Requests } from "./requests.js";
import { SharedStatements } from "./shared-statements.js";

const query = (sql: string) => new MessageWriter().string(sql).end("Q");
const parse = (name: string, sql: string) => new MessageWriter().string(name).string(sql).int16(0).end("P");
const bind = (statement: string, portal = "") =>
  new MessageWriter().string(portal).string(statement).int16(0).int16(0).int16(0).end("B");
const describeStatement = (name: string) => new MessageWriter().bytes(Buffer.from("S")).string(name).end("D");
const close = (name: string) => new MessageWriter().bytes(Buffer.from("S")).string(name).end("C");
const EXECUTE = new MessageWriter().string("").int32(0).end("E");
const SYNC = new MessageWriter().end("S");
const TERMINATE = new MessageWriter().end("X");

class QuietSocket extends Duplex {
  override _read(): void {}
  override _write(_chunk: unknown, _encoding: unknown, done: () => void): void {
    done();
  }
  setTimeout(): this {
    return this;
  }
}

class Rig {
  readonly shared = new SharedStatements();
  readonly exchange: Exchange;
  parseContext = "";
  readonly server = new ServerConnection(
    new QuietSocket() as unknown as ServerSocket,
    { pid: 1, secret: Buffer.alloc(4), parameters: new ReportedParameters([["TimeZone", "UTC"]]) },
    0,
  );

  constructor(naming: Naming = "client", remembered?: Remembered) {
    const context = (): string => this.parseContext;
    const asker: Asker = {
      shared: this.shared,
      meter: new PoolMeter({ tenant: "t", database: "d", user: "u", mode: "transaction" }),
      naming,
      restores: false,
      get parseContext() {
        return context();
      },
      reported: (name) => name === "timezone",
      refusesPin: () => undefined,
      restore: () => undefined,
      parameters: () => this.server.parameters,
      changesSince: () => Buffer.alloc(0),
    };
    this.exchange = new Exchange(asker, remembered);
    this.requests.begin(this.server, 1);
  }

  get requests(): Requests {
    return this.exchange.requests;
  }

  get ledger(): Ledger {
    return this.exchange.ledger;
  }

  /** Between transactions. */
  get remembered(): Remembered {
    return this.exchange.remembered;
  }

  /** What goes to the server, in words. */
  send(...segments: readonly Buffer[]): string[] {
    const out = segments.flatMap((segment) => {
      const bytes = this.requests.forward(segment);
      return bytes === undefined ? [] : [Buffer.from(bytes)];
    });
    return words(Buffer.concat(out));
  }

  /** The server answers all that it owes, without an error. */
  answerAll(): void {
    while (this.ledger.front !== Owed.none)
      if (
        this.ledger.front === Owed.query ||
        this.ledger.front === Owed.sync ||
        this.ledger.front === Owed.ourQuery
      )
        this.ledger.ready();
      else this.ledger.done();
  }
}

/** `P name`, `B portal name`, `C S name`...; names of ours by their prefix alone. */
function words(bytes: Buffer): string[] {
  const lines: string[] = [];
  for (let at = 0; at < bytes.length; at += 1 + bytes.readInt32BE(at + 1)) {
    const type = bytes.toString("latin1", at, at + 1);
    const body = bytes.toString("latin1", at + 5, at + 1 + bytes.readInt32BE(at + 1));
    const [first = "", second = ""] = body.split("\0");
    const shown = type === "B" || type === "P" ? [first, second] : [first];
    lines.push(
      [type, ...shown]
        .join(" ")
        .replace(/sluice_[\w-]{22}/, "OURS")
        .trim(),
    );
  }
  return lines;
}

const BATCH = [bind("s"), EXECUTE, SYNC];
const TYPICAL: readonly (readonly Buffer[])[] = [
  [query("select 1"), parse("", "select 1"), bind(""), describeStatement(""), EXECUTE, SYNC],
  [parse("s", "select 1"), ...BATCH, query("listen x")],
  [query("listen x"), query("discard all"), query("")],
  [bind(""), EXECUTE, SYNC, query("set work_mem = 1")],
  [parse("a", "select 1"), describeStatement("a"), close("a"), parse("a", "select 2"), bind("a", "p"), SYNC],
  [bind("unknown"), describeStatement("unknown"), close("unknown"), SYNC],
];

describe("Requests", () => {
  it("write on a segment without names as it came, without a copy", () => {
    const { requests, ledger } = new Rig();
    const segment = Buffer.concat([query("select 1"), parse("", "select 1"), bind(""), EXECUTE, SYNC]);
    expect(requests.forward(segment)).toBe(segment);
    expect(ledger.owed).toBe(2);
    expect(requests.settled).toBe(true);
  });

  it("give the server the same, wherever the client's bytes are cut", () => {
    for (const messages of TYPICAL) {
      const bytes = Buffer.concat(messages);
      const whole = new Rig();
      const expected = whole.send(bytes);
      for (let cut = 0; cut <= bytes.length; cut++) {
        const rig = new Rig();
        expect(rig.send(bytes.subarray(0, cut), bytes.subarray(cut)), `at ${cut}`).toEqual(expected);
        expect(rig.ledger.owed).toBe(whole.ledger.owed);
        expect(rig.requests.traces.effects).toBe(whole.requests.traces.effects);
        expect(rig.requests.settled).toBe(whole.requests.settled);
      }
      expect(new Rig().send(...[...bytes].map((byte) => Buffer.of(byte)))).toEqual(expected);
    }
  });

  it("parse a statement under a name of ours, and again only on a server that does not have it", () => {
    const rig = new Rig();
    expect(rig.send(parse("s", "select 1"), ...BATCH)).toEqual([
      "C SOURS",
      "P OURS select 1",
      "B  OURS",
      "E",
      "S",
    ]);
    rig.answerAll();
    expect(rig.send(...BATCH)).toEqual(["B  OURS", "E", "S"]);
    rig.answerAll();
    rig.server.statements.clear();
    expect(rig.send(...BATCH)).toEqual(["C SOURS", "P OURS select 1", "B  OURS", "E", "S"]);
  });

  it("give equal statements one name, others another, and hold each text once", () => {
    const rig = new Rig();
    const named = (messages: Buffer): string =>
      messages.toString("latin1").match(/sluice_[\w-]{22}/)?.[0] ?? "";
    const one = named(rig.requests.forward(parse("one", "select 1")) ?? Buffer.alloc(0));
    const same = named(rig.requests.forward(parse("two", "select 1")) ?? Buffer.alloc(0));
    const other = named(rig.requests.forward(parse("three", "select 2")) ?? Buffer.alloc(0));
    expect([same === one, other === one, rig.shared.size]).toEqual([true, false, 2]);
    rig.parseContext = "another search_path";
    expect(named(rig.requests.forward(parse("four", "select 1")) ?? Buffer.alloc(0))).not.toBe(one);
    rig.ledger.clear();
    rig.remembered.clear();
    expect(rig.shared.size).toBe(0);
  });

  it("take the place of the statement that was not used for longest when a server is full", () => {
    const rig = new Rig();
    for (let i = 0; i < 200; i++) rig.send(parse(`s${i}`, `select ${i}`), SYNC);
    rig.answerAll();
    rig.send(bind("s0"), EXECUTE, SYNC);
    rig.answerAll();
    const sent = rig.requests
      .forward(Buffer.concat([parse("more", "select 'more'"), SYNC]))
      ?.toString("latin1");
    expect(rig.server.statements.size).toBe(200);
    rig.answerAll();
    expect(sent?.match(/sluice_/g)?.length).toBe(3);
    expect(rig.send(bind("s0"), SYNC)).toEqual(["B  OURS", "S"]);
    expect(rig.send(bind("s1"), SYNC)).toEqual(["C SOURS", "C SOURS", "P OURS select 1", "B  OURS", "S"]);
  });

  it("wait for the answer that decides whether a name is taken", () => {
    const rig = new Rig();
    expect(rig.send(Buffer.concat([parse("s", "selec"), SYNC, ...BATCH]))).toEqual([
      "C SOURS",
      "P OURS selec",
      "S",
    ]);
    expect(words(rig.requests.stalled ?? Buffer.alloc(0))).toEqual(["B  s", "E", "S"]);
    rig.ledger.done();
    rig.ledger.error();
    rig.ledger.ready();
    expect(rig.send(...BATCH)).toEqual(["B  s", "E", "S"]);
  });

  it("bring the unnamed statement to another server, and somebody else's away", () => {
    const rig = new Rig();
    rig.send(parse("", "select 1"), SYNC);
    rig.answerAll();
    rig.requests.begin(rig.server, 1);
    expect(rig.send(bind(""), SYNC)).toEqual(["P  select 1", "B", "S"]);
    expect(rig.send(query("select 1"), bind(""))).toEqual(["Q select 1", "B"]);
    rig.requests.begin(rig.server, 1);
    expect(rig.send(bind(""))).toEqual(["C S", "B"]);
  });

  it("keep the unnamed statement that was sent last, whatever comes of those in front of it", () => {
    const rig = new Rig();
    rig.send(parse("", "selec"), bind(""), EXECUTE, SYNC, parse("", "rollback"));
    rig.ledger.error();
    rig.ledger.ready();
    expect(rig.send(bind(""), EXECUTE, SYNC)).toEqual(["B", "E", "S"]);
  });

  it("have no unnamed statement behind a Parse that failed, and the last one behind one that was skipped", () => {
    const rig = new Rig();
    rig.send(parse("", "select 1"), SYNC);
    rig.answerAll();
    rig.send(bind("unknown"), parse("", "select 2"), close(""), SYNC);
    rig.ledger.error();
    rig.ledger.ready();
    expect(rig.send(bind(""), SYNC)).toEqual(["P  select 1", "B", "S"]);
    rig.answerAll();
    rig.send(parse("", "selec"), SYNC);
    rig.ledger.error();
    rig.ledger.ready();
    expect(rig.send(bind(""), SYNC)).toEqual(["C S", "B", "S"]);
  });

  it("bring the unnamed statement again when an error made the server pass it over", () => {
    const rig = new Rig();
    rig.send(parse("", "select 1"), SYNC);
    rig.answerAll();
    rig.requests.begin(rig.server, 1);
    rig.send(bind("unknown"), bind(""), SYNC);
    rig.ledger.error();
    rig.ledger.ready();
    expect(rig.send(bind(""), SYNC)).toEqual(["P  select 1", "B", "S"]);
  });

  it("is not settled inside a message or inside a batch", () => {
    const settled = (...segments: Buffer[]): boolean => {
      const rig = new Rig();
      rig.send(...segments);
      return rig.requests.settled;
    };
    expect(settled(SYNC.subarray(0, 3))).toBe(false);
    expect(settled(EXECUTE)).toBe(false);
    expect(settled(parse("", "select 1"), describeStatement(""), SYNC)).toBe(true);
  });

  it("end the segment before a Terminate, however it is cut", () => {
    for (let cut = 0; cut < TERMINATE.length; cut++) {
      const rig = new Rig();
      const bytes = Buffer.concat([query("select 1"), TERMINATE]);
      const at = bytes.length - cut;
      expect(rig.send(bytes.subarray(0, at), bytes.subarray(at))).toEqual(["Q select 1"]);
      expect(rig.requests.terminated).toBe(true);
      expect(rig.requests.insideMessage).toBe(false);
    }
  });

  it("refuse strangers to the protocol from their first byte, passwords and bad lengths", () => {
    const refused = (bytes: Buffer) => expect(() => new Rig().send(bytes)).toThrow(MalformedMessage);
    for (const bytes of [Buffer.from("?"), Buffer.from("GET / HTTP/1.1\r\n")]) refused(bytes);
    refused(new MessageWriter().string("x").end("p"));
    refused(Buffer.of(0x51, 0, 0, 0, 3));
    refused(Buffer.concat([Buffer.of(0x42, 0x7f, 0xff, 0xff, 0xff), Buffer.alloc(70_000, 0x61)]));
  });

  it("stream what is long, looking at the text on the way", () => {
    const rig = new Rig();
    const long = query(`${" ".repeat(70_000)}; listen x`);
    const sent: Buffer[] = [];
    for (let at = 0; at < long.length; at += 1000) {
      const bytes = rig.requests.forward(long.subarray(at, at + 1000));
      if (bytes !== undefined) sent.push(Buffer.from(bytes));
      expect(rig.requests.insideMessage).toBe(at + 1000 < long.length);
    }
    expect(Buffer.concat(sent)).toEqual(long);
    expect(rig.requests.traces.effects & Effect.looks).toBe(Effect.looks);
  });

  it("leave names alone in session mode, and see what keeps a server where names are the server's", () => {
    expect(new Rig("session").send(parse("s", "select 1"), ...BATCH)).toEqual([
      "P s select 1",
      "B  s",
      "E",
      "S",
    ]);
    const own = new Rig("server");
    expect(own.send(parse("s", "select 1"), SYNC)).toEqual(["P s select 1", "S"]);
    expect(own.requests.traces.effects & Effect.looks).toBe(Effect.looks);
  });
});

describe("what statements have left on a server", () => {
  it("is closed in front of what comes next, and the server made to say so where nothing else does", () => {
    const rig = new Rig();
    rig.server.leftovers.push("left");
    expect(rig.send(new MessageWriter().end("H"))).toEqual(["C Sleft", "H", "S"]);
    expect([rig.ledger.owed, rig.ledger.asked]).toEqual([1, false]);
    rig.ledger.done();
    rig.ledger.ready();
    expect([rig.ledger.blank, rig.server.leftovers]).toEqual([true, []]);
    rig.server.leftovers.push("left");
    expect(rig.send(query("select 1"))).toEqual(["C Sleft", "Q select 1"]);
  });
});

describe("what is remembered of a client", () => {
  const remembered = (what: string, request: Buffer, undone?: Buffer): void => {
    it(`is ${what}`, () => {
      const rig = new Rig();
      expect(rig.remembered.blank).toBe(true);
      rig.send(request);
      rig.answerAll();
      rig.requests.end();
      expect(rig.remembered.blank).toBe(false);
      if (undone === undefined) return;
      rig.requests.begin(rig.server, 1);
      rig.send(undone);
      rig.answerAll();
      rig.requests.end();
      expect(rig.remembered.blank).toBe(true);
    });
  };
  remembered(
    "a statement of its own",
    Buffer.concat([parse("s", "select 1"), SYNC]),
    Buffer.concat([close("s"), SYNC]),
  );
  remembered(
    "its unnamed statement",
    Buffer.concat([parse("", "select 1"), SYNC]),
    Buffer.concat([close(""), SYNC]),
  );
  remembered("a setting that the server has to be asked for", query("set app.tenant = '1'"));

  it("is nothing of a query", () => {
    const rig = new Rig();
    rig.send(query("select 1"));
    rig.answerAll();
    rig.requests.end();
    expect(rig.remembered.blank).toBe(true);
  });

  it("is known to the object that takes over", () => {
    const rig = new Rig();
    rig.send(parse("s", "select 1"), parse("", "select 2"), SYNC);
    rig.answerAll();
    rig.requests.end();
    const other = new Rig("client", rig.remembered);
    expect(other.send(bind("s"), bind(""), SYNC)).toEqual([
      "C SOURS",
      "P OURS select 1",
      "B  OURS",
      "P  select 2",
      "B",
      "S",
    ]);
  });
});
