import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { eventually } from "../../support/eventually.js";
import { OwnPostgres } from "../../support/own-postgres.js";
import { RawClient } from "../../support/raw-client.js";
import { Edge, tenantOn } from "../login/edge.js";

describe("two-phase commit in transaction mode", () => {
  let postgres: OwnPostgres;
  let edge: Edge;
  const clients: RawClient[] = [];

  beforeAll(async () => {
    postgres = await OwnPostgres.start();
    await postgres.run("alter system set max_prepared_transactions = 5");
    await postgres.shutDown();
    await postgres.start();
    await postgres.run("create table t (a int)");
    edge = await Edge.start();
    await edge.put(
      "t",
      tenantOn(postgres, { users: [{ name: "postgres", password: "postgres", poolSize: 1 }] }),
    );
  });
  afterAll(async () => {
    for (const client of clients) client.close();
    await edge?.stop();
    await postgres?.remove();
  });

  const logIn = async (): Promise<RawClient> => {
    const client = await RawClient.connect(edge.port);
    await client.logIn({ user: "postgres.t", database: "postgres" }, { password: "postgres" });
    clients.push(client);
    return client;
  };

  it("gives the server back when a transaction is prepared, and anybody may end it", async () => {
    const [a, b] = [await logIn(), await logIn()];
    for (const [end, rows] of [
      ["rollback", "0"],
      ["commit", "1"],
    ]) {
      await a.query("begin");
      await a.query("insert into t values (1)");
      await a.query("prepare transaction 'two'");
      // There is one server: that it answers means that the other has given it back.
      expect(await b.query("select gid from pg_prepared_xacts")).toEqual([["two"]]);
      expect(await b.query("select count(*) from t")).toEqual([["0"]]);
      await b.query(`${end} prepared 'two'`);
      expect(await a.query("select count(*) from t")).toEqual([[rows]]);
    }
    await a.query("delete from t");
  });

  it("keeps a transaction that could not be prepared on its server until it is rolled back", async () => {
    const [a, b] = [await logIn(), await logIn()];
    await a.query("begin");
    await a.query("create temp table mine (a int)");
    // PostgreSQL prepares nothing that has touched temporary tables.
    await expect(a.query("prepare transaction 'never'")).rejects.toThrow("0A000");
    await expect(a.query("commit prepared 'never'")).rejects.toThrow("42704");
    const waiting = b.query("select count(*) from pg_class where relname = 'mine'");
    expect(await waiting).toEqual([["0"]]);
    await eventually(
      "nothing is open",
      async () => (await postgres.run("select 1 from pg_prepared_xacts")).length === 0,
    );
  });
});
