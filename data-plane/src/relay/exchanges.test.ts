import { describe, expect, it } from "vitest";
import { PoolMeter } from "../metrics/index.js";
import { MessageWriter } from "../wire/index.js";
import type { Asker } from "./asker.js";
import type { Exchange } from "./exchange.js";
import { Exchanges } from "./exchanges.js";
import { Owed } from "./owed.js";
import type { Remembered } from "./remembered.js";
import { SharedStatements } from "./shared-statements.js";

const METER = new PoolMeter({ tenant: "t", database: "d", user: "u", mode: "transaction" });

const asker = (shared: SharedStatements): Asker => ({
  shared,
  meter: METER,
  naming: "client",
  restores: false,
  parseContext: "",
  reported: () => false,
  refusesPin: () => undefined,
  restore: () => undefined,
  parameters: () => new Map(),
  changesSince: () => Buffer.alloc(0),
});

const text = Buffer.from("select 1\0");

function keepUnnamed({ unnamed }: Remembered): void {
  unnamed.parseSent(text, 0, text.length, 0, { statementNames: [], settingNames: [], resetNames: [] });
  unnamed.done();
}

describe("Exchanges", () => {
  const shared = new SharedStatements();
  const [one, other] = [asker(shared), asker(shared)];

  it("lend the one that came back last, to whoever comes", () => {
    const exchanges = new Exchanges();
    const [first, second] = [exchanges.take(one, undefined), exchanges.take(other, undefined)];
    expect(second).not.toBe(first);
    for (const exchange of [second, first]) expect(exchanges.giveBack(exchange)).toBeUndefined();
    expect(exchanges.take(other, undefined)).toBe(first);
    expect(exchanges.take(one, undefined)).toBe(second);
  });

  it("tell what is to be remembered of a client, which nobody else knows", () => {
    const exchanges = new Exchanges();
    const exchange = exchanges.take(one, undefined);
    keepUnnamed(exchange.remembered);
    const remembered = exchanges.giveBack(exchange);
    expect(remembered?.unnamed.body?.toString()).toBe("select 1\0");
    const next = exchanges.take(other, undefined);
    expect(next).toBe(exchange);
    expect(next.remembered.unnamed.exists).toBe(false);
    exchanges.giveBack(next);
    expect(exchanges.take(one, remembered).remembered).toBe(remembered);
  });

  it("never let two clients have the same memory", () => {
    const exchanges = new Exchanges();
    const [first, second] = [exchanges.take(one, undefined), exchanges.take(other, undefined)];
    exchanges.giveBack(second);
    keepUnnamed(first.remembered);
    const remembered = exchanges.giveBack(first);
    // The same client by another one, and then it has nothing any more.
    exchanges.take(other, undefined);
    const again = exchanges.take(one, remembered);
    remembered?.unnamed.clear();
    expect(exchanges.giveBack(again)).toBeUndefined();
    const inUse: Exchange[] = [one, other, one].map((client) => exchanges.take(client, undefined));
    expect(new Set(inUse).size).toBe(3);
    expect(new Set(inUse.map((exchange) => exchange.remembered)).size).toBe(3);
  });

  it("hold the statements of each pool's clients together", () => {
    const exchanges = new Exchanges();
    const exchange = exchanges.take(one, undefined);
    exchanges.giveBack(exchange);
    const elsewhere = asker(new SharedStatements());
    expect(exchanges.take(elsewhere, undefined)).toBe(exchange);
    expect(exchange.remembered.shared).toBe(elsewhere.shared);
  });

  it.each<[string, (exchange: Exchange) => void]>([
    ["an answer is owed", ({ ledger }) => ledger.query()],
    ["what comes next may be skipped", ({ ledger }) => skipping(ledger)],
    ["half a message has come", ({ requests }) => requests.forward(Buffer.from("Q"))],
    ["a batch is open", ({ remembered }) => open(remembered)],
  ])("do not lend one where %s", (_, leave) => {
    const exchanges = new Exchanges();
    const exchange = exchanges.take(one, undefined);
    exchange.requests.begin({ leftovers: [] } as never, 1);
    leave(exchange);
    exchanges.giveBack(exchange);
    expect(exchanges.take(other, undefined)).not.toBe(exchange);
  });

  it("keep nothing that one client has made grow", () => {
    const exchanges = new Exchanges();
    const exchange = exchanges.take(one, undefined);
    for (let i = 0; i < 10_000; i++) exchange.ledger.extended(Owed.bind);
    for (let i = 0; i < 10_000; i++) exchange.ledger.done();
    exchanges.giveBack(exchange);
    const next = exchanges.take(other, undefined);
    expect(next).not.toBe(exchange);
    const { unnamed } = next.remembered;
    for (let i = 0; i < 1000; i++) unnamed.endSent();
    for (let i = 0; i < 1000; i++) unnamed.done();
    const { remembered } = next;
    expect(exchanges.giveBack(next)).toBeUndefined();
    expect(exchanges.take(one, undefined).remembered).not.toBe(remembered);
  });

  it("forget of what was cut out of answers", () => {
    const exchanges = new Exchanges();
    const exchange = exchanges.take(one, undefined);
    const error = new MessageWriter().string("").end("E");
    exchange.ledger.query({ done: () => undefined, failed: () => undefined }, Owed.refusedQuery);
    exchange.replies.begins(0x45, 0, error.length);
    exchange.ledger.clear();
    exchanges.giveBack(exchange);
    const again = exchanges.take(other, undefined);
    expect(again).toBe(exchange);
    expect(again.replies.pass(error)).toBe(error);
  });
});

function skipping(ledger: Exchange["ledger"]): void {
  ledger.extended(Owed.bind);
  ledger.error();
}

function open({ batch }: Remembered): void {
  batch.unsynced = true;
}
