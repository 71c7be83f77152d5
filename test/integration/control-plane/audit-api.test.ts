import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createDatabase, type Database } from "../../support/database.js";
import { Api } from "./api.js";
import { Replica } from "./replica.js";
import { StoreProbe } from "./store-probe.js";
import { LISTED } from "./tenant-bodies.js";
import { makeToken } from "./tokens.js";

interface Entry {
  readonly action: string;
  readonly difference: Readonly<Record<string, unknown>>;
  readonly [field: string]: unknown;
}

describe("the audit", () => {
  let database: Database;
  let replica: Replica;
  let api: Api;
  let store: StoreProbe;
  let headers: Record<string, string>;

  beforeAll(async () => {
    database = await createDatabase();
    replica = await Replica.start(database.url);
    api = new Api(replica);
    store = new StoreProbe(database.url);
    headers = {
      authorization: `Bearer ${await makeToken({ sub: "alice@ops", jti: "token-7" })}`,
      "x-request-id": "request-42",
    };
  });

  afterAll(async () => {
    await replica.stop();
    await database.drop();
  });

  const put = (id: string, tenant: unknown) => api.send("put", `/api/tenants/${id}`, { tenant }, headers);
  const entries = async (query: string): Promise<Entry[]> =>
    (await api.get(`/api/audit?${query}`).expect(200)).body.data;

  it("says who changed what, when, in which generation, and of secrets only that they changed", async () => {
    const before = Date.now();
    await put("seen", LISTED).expect(201);
    const users = [
      { db_user: "alice", db_password: "another-secret", pool_size: 6 },
      { db_user: "bob", db_password: "bobs-secret", pool_size: 1 },
    ];
    await put("seen", { default_pool_size: 20, users }).expect(200);
    const generation = Number(await store.generation());
    const [updated, created] = await entries("tenant=seen");
    expect(updated).toMatchObject({
      action: "tenant.updated",
      tenant: "seen",
      cluster: null,
      generation,
      sub: "alice@ops",
      jti: "token-7",
      request_id: "request-42",
      difference: {
        default_pool_size: { from: 15, to: 20 },
        "users.alice.pool_size": { from: 5, to: 6 },
        "users.alice.db_password": "changed",
        "users.bob": { from: null, to: expect.objectContaining({ db_user: "bob", db_password_set: true }) },
      },
    });
    expect(Object.keys(updated?.difference ?? {})).toHaveLength(4);
    expect(Date.parse(String(updated?.at))).toBeGreaterThanOrEqual(before);
    expect(created).toMatchObject({ action: "tenant.created", generation: generation - 1 });
    expect(JSON.stringify([updated, created])).not.toMatch(/secret/);
    const rows = await store.rows<{ text: string }>("SELECT audit::text AS text FROM sluice.audit");
    expect(rows.map(({ text }) => text).join()).not.toMatch(/another-secret|bobs-secret|alice-secret/);
  });

  it("has an entry for each kind of change, and none for one that changes nothing", async () => {
    await put("kinds", { ...LISTED, users: [{ ...LISTED.users[0], is_manager: true }] }).expect(201);
    await put("kinds", {}).expect(200);
    await put("kinds", { db_port: 0 }).expect(422);
    await api.send("put", "/api/tenants/kinds?dry_run=true", { tenant: { db_port: 1 } }).expect(200);
    const path = "/api/tenants/kinds";
    await api.send("patch", path, { banned: true, ban_reason: "why not" }).expect(200);
    await api.send("patch", path, { banned: false }).expect(200);
    await api.send("post", `${path}/terminate`).expect(200);
    await api.send("post", `${path}/pause`, {}).expect(200);
    await api.send("post", `${path}/resume`).expect(200);
    await api.send("delete", `${path}/network_bans`, { all: true }).expect(200);
    await put("kinds", { require_user: false, auth_query: "select $1" }).expect(200);
    const credentials = { db_user: "keeper", db_password: "new" };
    await api.send("post", `${path}/update_auth_credentials`, credentials).expect(204);
    await api.delete("kinds").expect(204);
    const actions = (await entries("tenant=kinds")).map(({ action }) => action).reverse();
    expect(actions).toEqual([
      "tenant.created",
      "tenant.banned",
      "tenant.unbanned",
      "tenant.terminated",
      "tenant.paused",
      "tenant.resumed",
      "tenant.bans-cleared",
      "tenant.updated",
      "tenant.credentials-updated",
      "tenant.deleted",
    ]);
    await api.send("put", "/api/clusters/audited", { cluster: { cluster_tenants: [] } }).expect(201);
    await api.send("delete", "/api/clusters/audited").expect(204);
    const clusters = await entries("cluster=audited");
    expect(clusters.map(({ action }) => action)).toEqual(["cluster.deleted", "cluster.created"]);
  });

  it("and the log hold no secret, whatever route it came by", async () => {
    const secret = "s3cr3t-by-another-route";
    const users = [{ ...LISTED.users[0], is_manager: true }];
    const query = { require_user: false, auth_query: "select $1", users };
    await put("quiet", { ...LISTED, ...query }).expect(201);
    const path = "/api/tenants/quiet";
    await api.send("put", `${path}/users/alice`, { user: { db_password: secret } }).expect(200);
    const credentials = { db_user: "keeper", db_password: `${secret}-2` };
    await api.send("post", `${path}/update_auth_credentials`, credentials).expect(204);
    await api.send("put", `${path}?dry_run=true`, {
      tenant: { users: [{ ...users[0], db_password: secret }] },
    });
    const refused = { user: { db_password: secret, pool_size: 0 } };
    await api.send("put", `${path}/users/x`, refused).expect(422);
    const answers = await api.get("/api/audit?tenant=quiet");
    const rows = await store.rows<{ text: string }>("SELECT audit::text AS text FROM sluice.audit");
    expect([answers.text, replica.log.text, ...rows.map(({ text }) => text)].join()).not.toContain(secret);
  });

  it("is read by time, and page by page, newest first", async () => {
    for (const port of [1, 2, 3, 4, 5]) await put("paged", { ...LISTED, db_port: port });
    const seen: Entry[] = [];
    let cursor = "";
    for (;;) {
      const { body } = await api.get(`/api/audit?tenant=paged&limit=2${cursor}`).expect(200);
      seen.push(...body.data);
      if (body.next_cursor === null) break;
      cursor = `&cursor=${body.next_cursor}`;
    }
    expect(seen.map(({ difference }) => (difference.db_port as { to: number }).to)).toEqual([5, 4, 3, 2, 1]);
    const at = String(seen[2]?.at);
    const since = await entries(`tenant=paged&since=${at}`);
    expect(since.every((entry) => String(entry.at) >= at)).toBe(true);
    const until = await entries(`tenant=paged&until=${at}`);
    expect(until.length + since.length).toBe(5);
    for (const moment of [
      "yesterday",
      "2026-13-01T00:00:00Z",
      "2026-02-30T00:00:00Z",
      "2026-01-01T23:59:60Z",
    ]) {
      const { body } = await api.get(`/api/audit?since=${moment}`).expect(422);
      expect(body.errors).toEqual({ since: ["must be a moment such as 2026-01-31T12:00:00Z"] });
    }
    await api.get("/api/audit?cursor=x").expect(422);
  });

  it("can be added to and not altered, not even in the database", async () => {
    for (const change of [
      "UPDATE sluice.audit SET subject = 'nobody'",
      "DELETE FROM sluice.audit",
      "TRUNCATE sluice.audit",
    ]) {
      await expect(store.rows(change)).rejects.toThrow(/append-only/);
    }
  });

  it("is written in the change's own transaction: when it cannot be, nothing is changed", async () => {
    await put("whole", LISTED).expect(201);
    const generation = await store.generation();
    await store.rows("ALTER TABLE sluice.audit ADD CONSTRAINT full_up CHECK (tenant <> 'whole') NOT VALID");
    try {
      await put("whole", { db_port: 7777 }).expect(500);
    } finally {
      await store.rows("ALTER TABLE sluice.audit DROP CONSTRAINT full_up");
    }
    expect((await api.get("/api/tenants/whole")).body.data.db_port).toBe(5432);
    expect(await store.generation()).toBe(generation);
  });
});
