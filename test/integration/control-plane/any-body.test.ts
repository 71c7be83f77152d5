import { readFileSync } from "node:fs";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { parse } from "yaml";
import { createDatabase, type Database } from "../../support/database.js";
import { Api } from "./api.js";
import { Replica } from "./replica.js";
import { LISTED, MANAGED } from "./tenant-bodies.js";

const { components } = parse(
  readFileSync(new URL("../../../control-plane/openapi.yaml", import.meta.url), "utf8"),
) as { components: { schemas: Record<string, { properties: Record<string, unknown> }> } };

const anything = fc.oneof(
  fc.jsonValue({ maxDepth: 3 }),
  fc.string({ unit: "binary", maxLength: 70 }),
  fc.constantFrom(
    null,
    true,
    "",
    "true",
    0,
    -1,
    5432,
    1e21,
    "x.y",
    "10.0.0.0/8",
    "select $1",
    "peer",
    "auto",
  ),
);

function fieldsOf(schema: string, more: Readonly<Record<string, fc.Arbitrary<unknown>>> = {}) {
  const known = Object.keys(components.schemas[schema]?.properties ?? {});
  // Few at a time: with all of them nearly every body would be refused for the first one.
  return fc
    .subarray(known, { maxLength: 3 })
    .chain((names) => fc.record(Object.fromEntries(names.map((name) => [name, more[name] ?? anything]))));
}

const member = fieldsOf("ClusterTenantInput", {
  tenant_external_id: fc.oneof(fc.constantFrom("base", "asking"), anything),
  type: fc.oneof(fc.constantFrom("read", "write"), anything),
});

/** Bodies that know the fields of the API and nothing of their meaning. */
const requests = fc.oneof(
  fc.record({
    path: fc.constantFrom("/api/tenants/base", "/api/tenants/asking", "/api/tenants/fresh"),
    method: fc.constant("put" as const),
    body: fc.record({
      tenant: fieldsOf("TenantInput", {
        users: fc.oneof(fc.array(fieldsOf("UserInput"), { maxLength: 3 }), anything),
      }),
    }),
  }),
  fc.record({
    path: fc.constantFrom(
      "/api/tenants/base/users/alice",
      "/api/tenants/asking/users/manager",
      "/api/tenants/base/users/x",
    ),
    method: fc.constant("put" as const),
    body: fc.record({ user: fieldsOf("UserPatch") }),
  }),
  fc.record({
    path: fc.constantFrom("/api/clusters/one", "/api/clusters/base"),
    method: fc.constant("put" as const),
    body: fc.record({
      cluster: fieldsOf("ClusterInput", {
        cluster_tenants: fc.oneof(fc.array(member, { maxLength: 3 }), anything),
      }),
    }),
  }),
  fc.record({
    path: fc.constant("/api/tenants/base"),
    method: fc.constant("patch" as const),
    body: fc.record({ banned: anything, ban_reason: anything, banned_until: anything }, { requiredKeys: [] }),
  }),
  fc.record({
    path: fc.constantFrom(
      "/api/tenants/base/pause",
      "/api/tenants/asking/update_auth_credentials",
      "/api/tenants/base/terminate",
    ),
    method: fc.constant("post" as const),
    body: fc.record({ timeout: anything, db_user: anything, db_password: anything }, { requiredKeys: [] }),
  }),
);

describe("any body at all", () => {
  let database: Database;
  let replica: Replica;
  let api: Api;

  beforeAll(async () => {
    database = await createDatabase();
    replica = await Replica.start(database.url);
    await replica.publisher.ensureScope("region:eu");
    api = new Api(replica);
    await api.put("base", LISTED).expect(201);
    await api.put("asking", MANAGED).expect(201);
  });

  afterAll(async () => {
    await replica.stop();
    await database.drop();
  });

  it("is taken or refused as the OpenAPI document says, and is never a 500", async () => {
    const seen = new Map<number, number>();
    await fc.assert(
      fc.asyncProperty(requests, async ({ method, path, body }) => {
        const answer = await api.send(method, path, body);
        seen.set(answer.status, (seen.get(answer.status) ?? 0) + 1);
        expect([200, 201, 204, 400, 404, 422]).toContain(answer.status);
        if (answer.status === 422) expect(Object.keys(answer.body.errors).length).toBeGreaterThan(0);
      }),
      { numRuns: 500, interruptAfterTimeLimit: 60_000 },
    );
    expect(seen.get(422) ?? 0).toBeGreaterThan(50);
    expect((seen.get(200) ?? 0) + (seen.get(201) ?? 0)).toBeGreaterThan(10);
    expect(replica.log.text).not.toMatch(/request failed/);
  }, 120_000);
});
