import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { RawClient } from "../../support/raw-client.js";
import { bind, copyData, copyDone, execute, flush, parse, query, Sides, sync } from "./sides.js";

/** Behind these nobody can tell how much the server still answers, or what state it is in. */
const UNCERTAIN: Readonly<Record<string, readonly Buffer[]>> = {
  "a query in an open batch": [
    ...[parse("", "insert into t values (1)"), bind(""), execute(), flush],
    ...[query("select count(*) from t"), sync],
  ],
  "an empty query in an open batch": [parse("", "select 1"), bind(""), execute(), flush, query(""), sync],
  "a Sync in COPY data that fails": [
    ...[parse("", "copy t from stdin"), bind(""), execute(), sync],
    ...[copyData("wrong\n"), sync, copyDone, sync],
  ],
  "COPY data that fails, in front of queries": [
    ...[query("copy t from stdin"), copyData("wrong\n"), copyDone, query(""), query("select 1")],
  ],
};

describe("a server whose answers nobody can count", () => {
  let sides: Sides;
  beforeAll(async () => {
    sides = await Sides.start(1);
    const direct = await sides.direct();
    await direct.query("create table t (a int)");
    direct.close();
  });
  afterAll(async () => {
    await sides?.stop();
  });

  const pidOf = async (client: RawClient): Promise<string> =>
    (await client.query("select pg_backend_pid()"))[0]?.[0] ?? "";

  for (const [what, sent] of Object.entries(UNCERTAIN)) {
    it(`is made whole at once and given to the next: ${what}`, async () => {
      const [client, next] = [await sides.pooled(), await sides.pooled()];
      const pid = await pidOf(client);
      client.send(...sent);
      for (let turn = 0; turn < 3; turn++)
        expect(await next.query("select pg_backend_pid(), 'mine'")).toEqual([[pid, "mine"]]);
      expect(await next.query("select count(*) from t where a is null")).toEqual([["0"]]);
      client.close();
      next.close();
    });
  }
});
