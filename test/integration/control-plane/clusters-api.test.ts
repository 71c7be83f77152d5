import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createDatabase, type Database } from "../../support/database.js";
import { Api } from "./api.js";
import { Region } from "./region.js";
import { Replica } from "./replica.js";
import { StoreProbe } from "./store-probe.js";
import { LISTED } from "./tenant-bodies.js";

const MEMBERS = [
  { tenant_external_id: "main", type: "write", active: true },
  { tenant_external_id: "copy", type: "read", active: false },
];

describe("the API of clusters", () => {
  let database: Database;
  let replica: Replica;
  let api: Api;
  let eu: Region;
  let us: Region;

  beforeAll(async () => {
    database = await createDatabase();
    replica = await Replica.start(database.url);
    api = new Api(replica);
    eu = await Region.appear("eu", replica, database.url);
    us = await Region.appear("us", replica, database.url);
    await api.put("main", { ...LISTED, regions: ["eu"] }).expect(201);
    await api.put("copy", { ...LISTED, regions: ["us"] }).expect(201);
    await api.put("other", LISTED).expect(201);
  });

  afterAll(async () => {
    await replica.stop();
    await database.drop();
  });

  const put = (alias: string, cluster: unknown, headers = {}) =>
    api.send("put", `/api/clusters/${alias}`, { cluster }, headers);

  it("adds one: 201, where it is, and the members with their type", async () => {
    const answer = await put("pair", { active: true, cluster_tenants: MEMBERS });
    expect(answer.status).toBe(201);
    expect(answer.headers.location).toBe("/api/clusters/pair");
    expect(answer.body.data).toMatchObject({
      alias: "pair",
      active: true,
      cluster_tenants: MEMBERS.map((member) => ({ ...member, cluster_alias: "pair" })),
    });
    expect((await api.get("/api/clusters/pair").expect(200)).body).toEqual(answer.body);
  });

  it("reaches the regions that serve a member, with these members", async () => {
    await put("split", { active: true, cluster_tenants: MEMBERS }).expect(201);
    expect((await eu.directory()).memberOf("split", "write")?.id).toBe("main");
    expect(await eu.cluster("split")).toEqual({
      alias: "split",
      active: true,
      members: [{ tenant: "main", type: "write", active: true }],
    });
    expect((await us.cluster("split"))?.members).toEqual([{ tenant: "copy", type: "read", active: false }]);
    const late = await Region.appear("late", replica, database.url);
    expect(await late.cluster("split")).toBeUndefined();
    // A tenant that moves takes its place in the cluster along.
    await api.put("copy", { regions: ["us", "late"] }).expect(200);
    expect((await late.cluster("split"))?.members).toHaveLength(1);
    await api.put("copy", { regions: ["us"] }).expect(200);
    expect(await late.cluster("split")).toBeUndefined();
    await api.send("delete", "/api/clusters/split").expect(204);
    expect(await eu.cluster("split")).toBeUndefined();
  });

  it("is there for a region that appears later, and other regions keep it", async () => {
    await put("wide", { cluster_tenants: [{ tenant_external_id: "other", type: "read" }] }).expect(201);
    const later = await Region.appear("later", replica, database.url);
    for (const region of [later, eu, us]) {
      expect((await region.cluster("wide"))?.members).toEqual([
        { tenant: "other", type: "read", active: false },
      ]);
    }
  });

  it("keeps what a PUT leaves out, and takes no generation when nothing changes", async () => {
    await put("kept", { active: true, cluster_tenants: MEMBERS }).expect(201);
    const { body } = await put("kept", { active: false }).expect(200);
    expect(body.data.cluster_tenants).toHaveLength(2);
    const store = new StoreProbe(database.url);
    const generation = await store.generation();
    const again = await put("kept", { active: false, cluster_tenants: MEMBERS }).expect(200);
    expect(again.body).toEqual(body);
    expect(await store.generation()).toBe(generation);
    const turned = await put("kept", { cluster_tenants: [...MEMBERS].reverse() }).expect(200);
    expect(
      turned.body.data.cluster_tenants.map((m: { tenant_external_id: string }) => m.tenant_external_id),
    ).toEqual(["copy", "main"]);
  });

  it("lists by alias, page by page", async () => {
    for (const alias of ["list-a", "list-b", "list-c"]) await put(alias, { cluster_tenants: [] }).expect(201);
    const seen: string[] = [];
    let cursor = "";
    for (;;) {
      const { body } = await api.get(`/api/clusters?limit=2${cursor}`).expect(200);
      seen.push(...body.data.map(({ alias }: { alias: string }) => alias));
      if (body.next_cursor === null) break;
      cursor = `&cursor=${body.next_cursor}`;
    }
    expect(seen).toEqual([...seen].sort());
    expect(seen).toEqual(expect.arrayContaining(["list-a", "list-b", "list-c"]));
  });

  it("deletes with 204, once; unknown ones are 404", async () => {
    await put("gone", { cluster_tenants: [] }).expect(201);
    await api.send("delete", "/api/clusters/gone").expect(204, "");
    await api.send("delete", "/api/clusters/gone").expect(404, { error: "not found" });
    await api.get("/api/clusters/gone").expect(404, { error: "not found" });
  });

  it("keeps its tenants from being deleted: 409, naming the clusters", async () => {
    await api.put("wanted", LISTED).expect(201);
    const member = { tenant_external_id: "wanted", type: "write" };
    await put("holds-1", { cluster_tenants: [member] }).expect(201);
    await put("holds-2", { cluster_tenants: [member] }).expect(201);
    const refused = await api.delete("wanted").expect(409);
    expect(refused.body.error).toBe(
      "the tenant is a member of the clusters holds-1, holds-2: take it out first",
    );
    await put("holds-1", { cluster_tenants: [] }).expect(200);
    await api.send("delete", "/api/clusters/holds-2").expect(204);
    await api.delete("wanted").expect(204);
  });

  it("shows what would change with dry_run, and writes nothing", async () => {
    const path = "/api/clusters/thought?dry_run=true";
    const { body } = await api.send("put", path, { cluster: { cluster_tenants: [] } }).expect(200);
    expect(body).toMatchObject({
      dry_run: true,
      outcome: "created",
      difference: { alias: { from: null, to: "thought" } },
    });
    await api.get("/api/clusters/thought").expect(404);
  });

  it("holds to If-Match", async () => {
    const made = await put("tagged", { cluster_tenants: [] }, { "if-none-match": "*" }).expect(201);
    const tag = String(made.headers.etag);
    await put("tagged", { active: true }, { "if-none-match": "*" }).expect(412);
    await put("tagged", { active: true }, { "if-match": tag }).expect(200);
    await put("tagged", { active: false }, { "if-match": tag }).expect(412);
    await api.send("delete", "/api/clusters/tagged", undefined, { "if-match": tag }).expect(412);
  });

  it.each([
    ["no members in a new one", { active: true }, { cluster_tenants: ["can't be blank"] }],
    [
      "a member that is no tenant",
      { cluster_tenants: [{ tenant_external_id: "nobody", type: "read" }] },
      { "cluster_tenants.0.tenant_external_id": ["is not the external_id of a tenant"] },
    ],
    [
      "the same member twice",
      { cluster_tenants: [MEMBERS[0], MEMBERS[0]] },
      { "cluster_tenants.1": ["is the same tenant and type as cluster_tenants.0"] },
    ],
    [
      "a type of its own",
      { cluster_tenants: [{ tenant_external_id: "main", type: "both" }] },
      { "cluster_tenants.0.type": ["must be one of write, read"] },
    ],
    [
      "a member without a type",
      { cluster_tenants: [{ tenant_external_id: "main" }] },
      { "cluster_tenants.0.type": ["can't be blank"] },
    ],
    ["another alias in the body", { alias: "x", cluster_tenants: [] }, { alias: [expect.any(String)] }],
    [
      "an unknown field",
      { cluster_tenant: [] },
      { cluster_tenant: ["is not a known field: did you mean cluster_tenants?"] },
    ],
  ])("refuses %s", async (_, cluster, errors) => {
    const { body } = await put("refused", cluster).expect(422);
    expect(body).toEqual({ errors });
  });

  it("refuses an alias that is a tenant, and a tenant that is an alias", async () => {
    const cluster = await put("main", { cluster_tenants: [] }).expect(422);
    expect(Object.keys(cluster.body.errors)).toEqual(["alias"]);
    const tenant = await api.put("pair", LISTED).expect(422);
    expect(Object.keys(tenant.body.errors)).toEqual(["external_id"]);
  });
});
