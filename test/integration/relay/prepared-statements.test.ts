import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  answers,
  bind,
  closeStatement,
  describePortal,
  describeStatement,
  execute,
  flush,
  parse,
  query,
  type Script,
  Sides,
  sync,
} from "./sides.js";

const run = (name: string, ...values: string[]) => [bind(name, values), describePortal(), execute(), sync];

/** Each is the same, byte for byte, directly and through a pool of one server. */
const SCRIPTS: Readonly<Record<string, Script>> = {
  "prepares, describes and runs by name": [
    [parse("s", "select $1::int + 1"), describeStatement("s"), sync],
    run("s", "1"),
    run("s", "2"),
    [closeStatement("s"), sync],
    run("s", "3"),
  ],
  "an unknown name": [
    run("nowhere", "1"),
    [describeStatement("nowhere"), sync],
    [closeStatement("nowhere"), sync],
  ],
  "a name twice": [
    [parse("s", "select 1"), sync],
    [parse("s", "select 2"), sync],
    [parse("s", "selec"), sync],
    [parse("s", "select 1"), bind("s"), execute(), sync],
    run("s"),
  ],
  "a name twice in one batch": [
    [parse("s", "select 1"), parse("s", "select 2"), bind("s"), execute(), sync],
    run("s"),
  ],
  "a Parse that fails, and the name again": [
    [parse("s", "selec 1"), bind("s"), execute(), sync],
    run("s"),
    [parse("s", "select 1"), bind("s"), execute(), sync],
    run("s"),
  ],
  "a Parse that fails, with the next batches on their way": [
    [
      parse("s", "selec 1"),
      sync,
      bind("s"),
      execute(),
      sync,
      parse("s", "select 1"),
      bind("s"),
      execute(),
      sync,
    ],
    run("s"),
  ],
  "Close and Parse of a name in one batch": [
    [parse("s", "select 1"), sync],
    [closeStatement("s"), parse("s", "select 2"), bind("s"), execute(), sync],
    run("s"),
    [closeStatement("s"), parse("s", "selec"), bind("s"), execute(), sync],
    run("s"),
  ],
  "Close and Parse that are skipped": [
    [parse("s", "select 1"), sync],
    [bind("nowhere"), closeStatement("s"), parse("s", "select 2"), sync],
    run("s"),
    [bind("nowhere"), closeStatement("s"), sync, bind("s"), execute(), sync],
  ],
  "errors inside a transaction": [
    [query("begin")],
    [parse("s", "select 1"), sync],
    [parse("s", "select 2"), sync],
    [parse("t", "select 1"), sync],
    run("s"),
    [query("rollback")],
    run("s"),
    run("t"),
  ],
  "the unnamed statement over several batches": [
    [parse("", "select $1::text"), describeStatement(""), sync],
    [bind("", ["a"]), execute(), sync],
    [bind("", ["b"]), execute(), sync],
    [query("select 1")],
    [bind("", ["c"]), execute(), sync],
    [describeStatement(""), sync],
  ],
  "an unnamed statement that was closed, or failed": [
    [bind(""), execute(), sync],
    [parse("", "select 1"), closeStatement(""), bind(""), execute(), sync],
    [parse("", "select 1"), sync],
    [parse("", "selec"), sync],
    [bind(""), execute(), sync],
  ],
  "names that look like ours": [
    run("sluice_"),
    [parse("sluice_", "select 1"), sync],
    run("sluice_"),
    [closeStatement("sluice_"), sync],
    [closeStatement("sluice_x"), sync],
  ],
  "names of the same first 63 bytes": [
    [parse("n".repeat(63), "select 1"), sync],
    run("n".repeat(5000)),
    [closeStatement("n".repeat(64)), sync],
    run("n".repeat(63)),
  ],
  "long texts": [
    ...[4095, 4096, 4097, 70_000, 1_100_000].map((length) => [
      parse("", `select '${"x".repeat(length)}' = $1`),
      bind("", ["y"]),
      execute(),
      sync,
    ]),
    [parse("long", `select '${"x".repeat(70_000)}' = $1`), bind("long", ["y"]), execute(), sync],
    run("long", "z"),
  ],
  "DEALLOCATE by simple query": [
    [parse("s", "select 1"), parse("t", "select 2"), parse("u", "select 3"), sync],
    [query("deallocate s")],
    run("s"),
    [query("deallocate s")],
    [query("deallocate prepare t; select 1; deallocate u")],
    run("t"),
    run("u"),
    [parse("s", "select 1"), parse("t", "select 2"), sync],
    [query("DEALLOCATE ALL")],
    run("s"),
    [parse("s", "select 4"), sync],
    run("s"),
  ],
  "DEALLOCATE that does not come about": [
    [parse("s", "select 1"), sync],
    [query("begin")],
    [query("selec")],
    [query("deallocate s")],
    [query("rollback")],
    run("s"),
    [query("select 1/0; deallocate s")],
    run("s"),
    [query("begin; deallocate s; rollback")],
    run("s"),
  ],
  "DEALLOCATE and DISCARD in the extended protocol": [
    [parse("s", "select 1"), parse("t", "select 2"), sync],
    [parse("", "deallocate s"), bind(""), execute(), sync],
    run("s"),
    run("t"),
    [parse("d", "deallocate t"), sync],
    run("d"),
    run("t"),
    run("d"),
    [parse("", "discard all"), bind(""), execute(), sync],
    run("d"),
    [parse("d", "select 5"), sync],
    run("d"),
  ],
  "EXECUTE and PREPARE in SQL": [
    [parse("s", "select $1::int * 2"), sync],
    [query("execute s(21)")],
    [query("prepare s as select 1")],
    run("s", "4"),
    [query("prepare p as select 7")],
    [query("execute p")],
    run("p"),
    [parse("p", "select 8"), sync],
    [describeStatement("p"), sync],
    [closeStatement("p"), sync],
    [query("execute p")],
    [query("prepare q as select 1")],
    [query("deallocate q")],
    [query("execute q")],
  ],
  "rows in portions": [
    [query("begin")],
    [parse("s", "select generate_series(1, 5)"), bind("s", [], "p"), execute("p", 2), sync],
    [execute("p", 2), sync],
    [execute("p", 2), execute("p", 2), sync],
    [query("commit")],
    [execute("p", 2), sync],
  ],
  "a Query in the middle of a batch": [
    [parse("s", "select 1"), bind("s"), execute(), query("select 2"), bind("s"), execute(), sync],
    { send: [parse("", "selec"), query("select 2"), bind("s"), sync], until: ["Z", 1] },
    [bind("s"), execute(), query("select 1/0"), bind("s"), execute(), sync],
  ],
  Flush: [
    { send: [parse("s", "select 1"), describeStatement("s"), flush], until: ["T", 1] },
    { send: [bind("s"), execute(), flush], until: ["C", 1] },
    [sync],
    { send: [parse("t", "selec"), flush], until: ["E", 1] },
    [bind("t"), execute(), sync],
  ],
};

describe("prepared statements in transaction mode", () => {
  let one: Sides;

  beforeAll(async () => {
    one = await Sides.start(1);
  });
  afterAll(async () => {
    await one?.stop();
  });

  for (const [name, script] of Object.entries(SCRIPTS)) {
    it(`are as without a pool: ${name}`, async () => {
      await one.same(script);
    });
  }

  it("work on whatever server comes, without the client seeing that it is another", async () => {
    const sides = await Sides.start(2);
    try {
      const [client, other] = [await sides.pooled(), await sides.pooled()];
      client.send(parse("s", "select pg_backend_pid() > 0, $1::int"), describeStatement("s"), sync);
      await answers(client, "Z", 1);
      const lines: string[] = [];
      for (const holds of [true, false, true]) {
        if (holds) await other.query("begin");
        client.send(bind("s", ["5"]), execute(), sync);
        lines.push(...(await answers(client, "Z", 1)));
        if (holds) {
          // Both servers are taken in turn.
          await client.query("begin");
          await other.query("commit");
          client.send(bind("s", ["6"]), execute(), sync);
          lines.push(...(await answers(client, "Z", 1)));
          await client.query("commit");
        }
      }
      expect(new Set(lines.map((line) => line[0]))).toEqual(new Set(["2", "D", "C", "Z"]));
      client.close();
      other.close();
    } finally {
      await sides.stop();
    }
  });

  it("come to another server where only Parse was answered by the first: by no name, and by one", async () => {
    const sides = await Sides.start(2);
    try {
      const [client, other] = [await sides.pooled(), await sides.pooled()];
      for (const name of ["", "s"]) {
        client.send(parse(name, "select pg_backend_pid(), $1::text"), describeStatement(name), sync);
        await answers(client, "Z", 1);
        const seen = new Set<string>();
        for (let round = 0; round < 20 && seen.size < 2; round++) {
          // Whichever server is free was not the last.
          await other.query("begin");
          client.send(bind(name, ["mine"]), execute(), sync);
          const lines = await answers(client, "Z", 1);
          expect(lines.map((line) => line[0])).toEqual(["2", "D", "C", "Z"]);
          seen.add(lines[1] ?? "");
          await client.query("begin");
          await other.query("commit");
          client.send(bind(name, ["mine"]), execute(), sync);
          seen.add((await answers(client, "Z", 1))[1] ?? "");
          await client.query("commit");
        }
        expect(seen.size).toBe(2);
      }
      client.close();
      other.close();
    } finally {
      await sides.stop();
    }
  });

  it("fail as the client's own where they cannot be prepared on another server, and work once they can", async () => {
    const sides = await Sides.start(2);
    try {
      const [client, other] = [await sides.pooled(), await sides.pooled()];
      await client.query("create table here (a int)");
      await client.query("begin");
      // With the first server kept by one, the other's statement is known to the second only.
      client.send(parse("s", "select count(*) from here"), sync);
      await answers(client, "Z", 1);
      await client.query("commit");
      const pid = (await client.query("select pg_backend_pid()"))[0]?.[0];
      let elsewhere = false;
      for (let round = 0; round < 20 && !elsewhere; round++) {
        await other.query("begin");
        elsewhere = (await other.query("select pg_backend_pid()"))[0]?.[0] === pid;
        if (!elsewhere) await other.query("commit");
      }
      expect(elsewhere).toBe(true);
      const direct = await sides.direct();
      await direct.query("drop table here");
      client.send(bind("s"), execute(), sync, bind("s"), execute(), sync);
      const failed = await answers(client, "Z", 2);
      expect(failed.map((line) => line.slice(0, 13))).toEqual([
        "E ERROR 42P01",
        "Z I",
        "E ERROR 42P01",
        "Z I",
      ]);
      await direct.query("create table here (a int)");
      client.send(bind("s"), execute(), sync);
      expect((await answers(client, "Z", 1)).map((line) => line[0])).toEqual(["2", "D", "C", "Z"]);
      await other.query("commit");
      for (const each of [client, other, direct]) each.close();
    } finally {
      await sides.stop();
    }
  });

  it("leave a server whole for others when a Query was sent into an open batch, which confuses PostgreSQL", async () => {
    const [client, other] = [await one.pooled(), await one.pooled({ timezone: "Asia/Tokyo" })];
    client.send(parse("", "select 1"), bind(""), execute(), flush);
    await answers(client, "C", 1);
    await client.query("select 2");
    client.send(sync);
    await answers(client, "Z", 1);
    expect(await other.query("show timezone")).toEqual([["Asia/Tokyo"]]);
    expect(await client.query("select 3")).toEqual([["3"]]);
    client.close();
    other.close();
  });

  it("are healed when a table has changed, unless the client may rely on what it was told", async () => {
    const [client, other] = [await one.pooled(), await one.pooled()];
    await client.query("create table changing (a int); insert into changing values (1)");
    client.send(parse("s", "select * from changing"), sync);
    await answers(client, "Z", 1);
    other.send(parse("t", "select * from changing"), describeStatement("t"), sync);
    await answers(other, "Z", 1);
    await client.query("alter table changing add b text default 'new'");
    client.send(bind("s"), describePortal(), execute(), sync);
    const healed = await answers(client, "Z", 1);
    expect(healed.map((line) => line[0])).toEqual(["2", "T", "D", "C", "Z"]);
    expect(healed[2]).toContain("new");
    await client.query("alter table changing drop a");
    other.send(bind("t"), execute(), sync);
    expect((await answers(other, "Z", 1))[0]).toContain("0A000 cached plan must not change result type");
    other.send(bind("t"), execute(), sync);
    expect((await answers(other, "Z", 1)).map((line) => line[0])).toEqual(["2", "D", "C", "Z"]);
    // Inside a transaction nothing can be sent again.
    await client.query("alter table changing add c int");
    await client.query("begin");
    client.send(bind("s"), execute(), sync);
    expect((await answers(client, "Z", 1))[0]).toContain("0A000");
    await client.query("rollback");
    await client.query("drop table changing");
    client.close();
    other.close();
  });

  it("are refused with 53400 when there are too many, and the connection stays", async () => {
    const client = await one.pooled();
    const text = `select '${"x".repeat(1_000_000)}'`;
    let refused = "";
    for (let i = 0; refused === "" && i < 40; i++) {
      client.send(parse(`s${i}`, `${text}, ${i}`), sync);
      refused = (await answers(client, "Z", 1)).find((line) => line.startsWith("E")) ?? "";
    }
    expect(refused).toContain("ERROR 53400 (EMAXPREPARED)");
    client.send(closeStatement("s0"), sync);
    await answers(client, "Z", 1);
    client.send(parse("fits", text), bind("fits"), execute(), sync);
    expect((await answers(client, "Z", 1)).map((line) => line[0])).toEqual(["1", "2", "D", "C", "Z"]);
    client.close();
  });

  it("keep the server where the tenant has switched translation off", async () => {
    const sides = await Sides.start(2, { namedPreparedStatements: false });
    const client = await sides.pooled();
    client.send(parse("s", "select pg_backend_pid()"), bind("s"), execute(), sync);
    const first = (await answers(client, "Z", 1)).find((line) => line.startsWith("D"));
    client.send(bind("s"), execute(), sync);
    expect(await answers(client, "Z", 1)).toContain(first);
    expect(await client.query("select name from pg_prepared_statements")).toEqual([["s"]]);
    client.close();
    await sides.stop();
  });
});
