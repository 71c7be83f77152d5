import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { CutProxy } from "../../support/cut-proxy.js";
import { createDatabase, type Database } from "../../support/database.js";
import { eventually } from "../../support/eventually.js";
import { Api } from "./api.js";
import { METRICS_SECRET, Replica } from "./replica.js";
import { StoreProbe } from "./store-probe.js";
import { LISTED } from "./tenant-bodies.js";
import { makeToken } from "./tokens.js";

describe("a control plane whose database goes away", () => {
  let database: Database;
  let proxy: CutProxy;
  let replica: Replica;
  let api: Api;

  beforeAll(async () => {
    database = await createDatabase();
    proxy = await CutProxy.to(database.host, database.port);
    const url = new URL(database.url);
    url.hostname = "127.0.0.1";
    url.port = String(proxy.port);
    replica = await Replica.start(url.href);
    api = new Api(replica);
  });

  afterAll(async () => {
    proxy.mend();
    await replica.stop();
    await proxy.stop();
    await database.drop();
  });

  const works = (): Promise<true> =>
    eventually("the API works again", async () => (await api.get("/api/tenants/kept")).status === 200, {
      timeoutMs: 20_000,
    });

  it("answers 503 with Retry-After while it is away, and works again without a restart", async () => {
    await api.put("kept", LISTED).expect(201);
    await api.stranger().get("/api/health").expect(204);
    const generation = await new StoreProbe(database.url).generation();
    proxy.cut();
    for (const answer of [
      await api.get("/api/tenants"),
      await api.get("/api/tenants/kept"),
      await api.put("kept", { db_port: 1 }),
      await api.delete("kept"),
      await api.send("post", "/api/tenants/kept/terminate"),
      await api.send("put", "/api/clusters/c", { cluster: { cluster_tenants: [] } }),
      await api.get("/api/clusters"),
      await api.get("/api/audit"),
      await api.send("put", "/api/tenants/kept/users/bob", { user: { pool_size: 1, db_password: "b" } }),
    ]) {
      expect(answer.body).toEqual({ error: "the control plane's database does not answer; try again" });
      expect([answer.status, answer.headers["retry-after"]]).toEqual([503, "1"]);
    }
    const health = await api.stranger().get("/api/health").expect(503);
    expect(health.body).toMatchObject({ status: "unhealthy", failed_checks: ["database_reachable"] });
    await api.stranger().get("/readyz").expect(503, { status: "the database does not answer" });
    await api.stranger().get("/livez").expect(200);
    const token = await makeToken({}, { secret: METRICS_SECRET });
    const metrics = await api
      .send("get", "/metrics", undefined, { authorization: `Bearer ${token}` })
      .expect(200);
    expect(metrics.text).toMatch(/^sluice_http_request_duration_seconds_count/m);
    expect(metrics.text).not.toMatch(/^sluice_tenants/m);
    // What needs no database is answered as ever.
    await api.put("kept", { db_port: 0 }).expect(422);
    await api.stranger().get("/api/tenants").expect(401);

    proxy.mend();
    await works();
    expect(await new StoreProbe(database.url).generation()).toBe(generation);
    await api.put("kept", { db_port: 1 }).expect(200);
    await api.stranger().get("/api/health").expect(204);
  });

  it("has written nothing of a PUT that was cut off, or all of it", async () => {
    const store = new StoreProbe(database.url);
    for (let round = 0; round < 5; round++) {
      const port = 1000 + round;
      const sent = api.put("kept", { db_port: port });
      const answered = sent.then((answer) => answer.status);
      // Somewhere in the middle of the transaction.
      setImmediate(() => proxy.cut());
      const status = await answered;
      expect([200, 503]).toContain(status);
      proxy.mend();
      await works();
      const [row] = await store.rows<{ db_port: number; version: number }>(
        "SELECT db_port, version FROM sluice.tenants WHERE external_id = 'kept'",
      );
      const entries = await store.rows(
        "SELECT 1 FROM sluice.audit WHERE tenant = 'kept' AND difference -> 'db_port' ->> 'to' = $1",
        [String(port)],
      );
      // The change and its entry in the audit are both there, or neither.
      expect(row?.db_port === port).toBe(entries.length === 1);
      if (status === 200) expect(row?.db_port).toBe(port);
    }
  });
});
