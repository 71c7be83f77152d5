import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createDatabase, type Database } from "../../support/database.js";
import { Api } from "./api.js";
import { Region } from "./region.js";
import { Replica } from "./replica.js";

const TENANT = {
  db_host: "db.example.com",
  db_port: 5432,
  db_database: "app",
  require_user: true,
  users: [{ db_user: "alice", db_password: "alice-secret", pool_size: 5 }],
};

describe("a tenant's fields", () => {
  let database: Database;
  let replica: Replica;
  let api: Api;
  let eu: Region;
  let us: Region;

  beforeAll(async () => {
    database = await createDatabase();
    replica = await Replica.start(database.url);
    api = new Api(replica);
    await api.put("before", { ...TENANT, regions: ["eu"] }).expect(201);
    eu = await Region.appear("eu", replica, database.url);
    us = await Region.appear("us", replica, database.url);
  });

  afterAll(async () => {
    await replica.stop();
    await database.drop();
  });

  it("have their defaults when a PUT does not name them", async () => {
    const { body } = await api.put("plain", TENANT).expect(201);
    expect(body.data).toMatchObject({
      regions: null,
      idle_transaction_timeout: 0,
      query_timeout: 0,
      transaction_timeout: 0,
      server_idle_timeout: 600_000,
      server_lifetime: 3_600_000,
      server_connect_timeout: 15_000,
      min_pool_size: 0,
      max_server_connections: 0,
      application_name_add_host: false,
      server_reset: "tracked",
      max_pinned: null,
      allow_md5: false,
      banned_at: null,
      ban_reason: null,
      banned_until: null,
      paused_until: null,
    });
    expect((await eu.directory()).find("plain")).toMatchObject({
      serverIdleTimeoutMs: 600_000,
      maxServerConnections: undefined,
      maxPinned: undefined,
      jitApiUrl: undefined,
      ban: undefined,
      namedPreparedStatements: undefined,
    });
  });

  it("reach data planes as they were given, and are kept by the next PUT", async () => {
    const given = {
      idle_transaction_timeout: 1,
      query_timeout: 2,
      transaction_timeout: 3,
      server_idle_timeout: 0,
      server_lifetime: 5,
      server_connect_timeout: 6,
      min_pool_size: 7,
      max_server_connections: 8,
      application_name_add_host: true,
      server_reset: "always",
      max_pinned: 0,
      allow_md5: true,
      use_jit: true,
      jit_api_url: "https://jit.example.com/check",
      availability_zone: "eu-1a",
      feature_flags: { named_prepared_statements: true, app_name_metric: "yes" },
      allow_list: ["10.0.0.0/8", "192.0.2.7"],
    };
    await api.put("full", { ...TENANT, ...given }).expect(201);
    const { body } = await api.put("full", { db_port: 5433 }).expect(200);
    expect(body.data).toMatchObject(given);
    const tenant = (await us.directory()).find("full");
    expect(tenant).toMatchObject({
      idleTransactionTimeoutMs: 1,
      queryTimeoutMs: 2,
      transactionTimeoutMs: 3,
      serverIdleTimeoutMs: 0,
      serverLifetimeMs: 5,
      serverConnectTimeoutMs: 6,
      minPoolSize: 7,
      maxServerConnections: 8,
      applicationNameAddHost: true,
      serverReset: "always",
      maxPinned: 0,
      allowMd5: true,
      jitApiUrl: "https://jit.example.com/check",
      availabilityZone: "eu-1a",
      namedPreparedStatements: true,
      // What is no boolean is off, as Supavisor reads it.
      appNameMetric: false,
      upstream: { port: 5433 },
    });
    expect(
      ["10.9.9.9", "192.0.2.7", "192.0.2.8"].map((address) => tenant?.allowList.includes(address)),
    ).toEqual([true, true, false]);
  });

  it("regions: its data planes have the tenant, others do not and hear nothing of it", async () => {
    expect((await eu.directory()).find("before")).toBeDefined();
    expect((await us.directory()).find("before")).toBeUndefined();
    const before = await us.generation();
    await api.put("before", { db_port: 6000 }).expect(200);
    expect(await us.generation()).toBe(before);
    await api.put("before", { regions: ["us", "ap"] }).expect(200);
    expect(await us.generation()).toBeGreaterThan(before);
    expect((await eu.directory()).find("before")).toBeUndefined();
    expect((await us.directory()).find("before")?.upstream.port).toBe(6000);
    await api.put("before", { regions: null }).expect(200);
    expect((await eu.directory()).find("before")).toBeDefined();
  });

  it.each([
    ["regions", [], "must name a region, or be null for every region", "regions"],
    ["regions", ["eu", "eu"], "is the same as regions.0", "regions.1"],
    ["regions", ["a b"], 'must be a region: letters, digits, ".", "_" and "-", at most 63', "regions.0"],
    ["server_reset", "never", "must be one of tracked, always", "server_reset"],
    ["query_timeout", 86_400_001, "must be at most 86400000", "query_timeout"],
    ["server_connect_timeout", 300_001, "must be at most 300000", "server_connect_timeout"],
    ["jit_api_url", "ftp://x", "must be an http or https URL", "jit_api_url"],
    ["use_jit", true, "can't be blank while use_jit is true", "jit_api_url"],
  ])("refuses %s %j", async (field, value, problem, at) => {
    const { body } = await api.put("refused", { ...TENANT, [field]: value }).expect(422);
    expect(body.errors).toEqual({ [at]: [problem] });
  });

  it("narrow a list: region, host, ban, and a text in what a person remembers", async () => {
    const found = async (query: string): Promise<string[]> => {
      const { body } = await api.get(`/api/tenants?limit=1000&${query}`).expect(200);
      return body.data.map(({ external_id }: { external_id: string }) => external_id);
    };
    await api.put("find-eu", { ...TENANT, regions: ["eu"], db_host: "One.example.org" }).expect(201);
    await api.put("find-us", { ...TENANT, regions: ["us"], db_host: "10.0.0.1" }).expect(201);
    await api
      .put("find-all", { ...TENANT, users: [{ db_user: "reporting_50%", db_password: "x", pool_size: 1 }] })
      .expect(201);
    expect(await found("q=find-&region=eu")).toEqual(["find-all", "find-eu"]);
    expect(await found("db_host=one.EXAMPLE.org")).toEqual(["find-eu"]);
    expect(await found("q=REPORTING")).toEqual(["find-all"]);
    // The wildcards of LIKE are themselves.
    expect(await found("q=g_50%25")).toEqual(["find-all"]);
    expect(await found("q=find%25")).toEqual([]);
    const ban = { banned: true, ban_reason: "x", banned_until: "2999-01-01T00:00:00Z" };
    await api.send("patch", "/api/tenants/find-us", ban).expect(200);
    expect(await found("banned=true")).toEqual(["find-us"]);
    expect(await found("q=find-&banned=false")).toEqual(["find-all", "find-eu"]);
    await api.get("/api/tenants?banned=perhaps").expect(422);
    await api.get("/api/tenants?limit=0").expect(422);
    await api.get("/api/tenants?limit=1001").expect(422);
    const first = await api.get("/api/tenants?q=find-&limit=2").expect(200);
    expect(first.body.data).toHaveLength(2);
    const rest = await api.get(`/api/tenants?q=find-&limit=2&cursor=${first.body.next_cursor}`);
    expect(rest.body).toMatchObject({ data: [{ external_id: "find-us" }], next_cursor: null });
  });

  it("must not name a server that another tenant of the region names", async () => {
    const sni_hostname = "db.customer.example";
    await api.put("sni-eu", { ...TENANT, regions: ["eu"], sni_hostname }).expect(201);
    await api.put("sni-us", { ...TENANT, regions: ["us"], sni_hostname }).expect(201);
    const taken = { ...TENANT, sni_hostname: "DB.customer.example" };
    const { body } = await api.put("sni-all", taken).expect(422);
    expect(body.errors).toEqual({
      sni_hostname: ["is that of the tenant sni-eu: clients could not tell them apart"],
    });
    await api.send("put", "/api/tenants/sni-all?dry_run=true", { tenant: taken }).expect(422);
    await api.delete("sni-eu").expect(204);
    await api.delete("sni-us").expect(204);
    await api.put("sni-all", taken).expect(201);
  });
});
