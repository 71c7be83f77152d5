import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createDatabase, type Database } from "../../support/database.js";
import { Api } from "./api.js";
import { Replica } from "./replica.js";
import { LISTED, MANAGED } from "./tenant-bodies.js";

const NASTY = [
  "\0",
  "a\0b",
  "\ud800",
  "\udfff\ud800",
  "💥",
  "'\"; DROP TABLE x; --",
  "%",
  "\\",
  "\n",
  "\u202e",
  "__proto__",
  "constructor",
  "x".repeat(300),
  "ü".repeat(200),
  "..",
  "1e999",
];

/** Every place of the API where a text comes from outside. */
const PLACES: readonly (readonly [
  string,
  "get" | "put" | "post" | "patch" | "delete",
  (text: string) => [path: string, body?: unknown],
])[] = [
  ["the text looked for", "get", (text) => [`/api/tenants?q=${enc(text)}`]],
  ["a host", "get", (text) => [`/api/tenants?db_host=${enc(text)}`]],
  ["a region", "get", (text) => [`/api/tenants?region=${enc(text)}`]],
  ["a cursor", "get", (text) => [`/api/tenants?cursor=${enc(text)}`]],
  ["a cursor's inside", "get", (text) => [`/api/tenants?cursor=${Buffer.from(text).toString("base64url")}`]],
  [
    "a cursor of clusters",
    "get",
    (text) => [`/api/clusters?cursor=${Buffer.from(text).toString("base64url")}`],
  ],
  [
    "a cursor of the audit",
    "get",
    (text) => [`/api/audit?cursor=${Buffer.from(text).toString("base64url")}`],
  ],
  ["a tenant of the audit", "get", (text) => [`/api/audit?tenant=${enc(text)}`]],
  ["a cluster of the audit", "get", (text) => [`/api/audit?cluster=${enc(text)}`]],
  ["a time of the audit", "get", (text) => [`/api/audit?since=${enc(text)}`]],
  ["a name of a parameter", "get", (text) => [`/api/tenants?${enc(text)}=1`]],
  ["an external_id", "get", (text) => [`/api/tenants/${enc(text)}`]],
  ["an external_id that is put", "put", (text) => [`/api/tenants/${enc(text)}`, { tenant: LISTED }]],
  ["a user", "get", (text) => [`/api/tenants/listed/users/${enc(text)}`]],
  [
    "a user that is put",
    "put",
    (text) => [`/api/tenants/listed/users/${enc(text)}`, { user: { db_password: "x", pool_size: 1 } }],
  ],
  ["a user that is deleted", "delete", (text) => [`/api/tenants/listed/users/${enc(text)}`]],
  [
    "an alias of a user",
    "put",
    (text) => ["/api/tenants/listed/users/alice", { user: { db_user_alias: text } }],
  ],
  ["a password", "put", (text) => ["/api/tenants/listed/users/alice", { user: { db_password: text } }]],
  ["a reason", "patch", (text) => ["/api/tenants/listed", { banned: true, ban_reason: text }]],
  [
    "an end of a ban",
    "patch",
    (text) => ["/api/tenants/listed", { banned: true, ban_reason: "x", banned_until: text }],
  ],
  [
    "a manager's name",
    "post",
    (text) => ["/api/tenants/managed/update_auth_credentials", { db_user: text, db_password: "x" }],
  ],
  [
    "a manager's password",
    "post",
    (text) => ["/api/tenants/managed/update_auth_credentials", { db_user: "m", db_password: text }],
  ],
  ["a banned address", "delete", (text) => ["/api/tenants/listed/network_bans", { ipv4_addresses: [text] }]],
  ["a pause", "post", (text) => ["/api/tenants/listed/pause", { timeout: text }]],
  ["an alias", "put", (text) => [`/api/clusters/${enc(text)}`, { cluster: { cluster_tenants: [] } }]],
  [
    "a member",
    "put",
    (text) => [
      "/api/clusters/c",
      { cluster: { cluster_tenants: [{ tenant_external_id: text, type: "read" }] } },
    ],
  ],
  ["a name of a field", "put", (text) => ["/api/tenants/listed", { tenant: { [text]: text } }]],
  [
    "a name of a parameter status",
    "put",
    (text) => ["/api/tenants/listed", { tenant: { default_parameter_status: { [text]: "x" } } }],
  ],
  ["a flag", "put", (text) => ["/api/tenants/listed", { tenant: { feature_flags: { [text]: text } } }]],
  ["a zone", "put", (text) => ["/api/tenants/listed", { tenant: { availability_zone: text } }]],
];

/** As a browser would, or byte by byte where it cannot. */
function enc(text: string): string {
  return encodeURIComponent(text.replaceAll(/\p{Surrogate}/gu, "\ufffd"));
}

describe("texts that nobody means well", () => {
  let database: Database;
  let replica: Replica;
  let api: Api;

  beforeAll(async () => {
    database = await createDatabase();
    replica = await Replica.start(database.url);
    api = new Api(replica);
    await api.put("listed", LISTED).expect(201);
    await api.put("managed", MANAGED).expect(201);
  });

  afterAll(async () => {
    await replica.stop();
    await database.drop();
  });

  it.each(PLACES)("are never a 500: as %s", async (_, method, request) => {
    for (const text of NASTY) {
      const [path, body] = request(text);
      const answer = await api.send(method, path, body);
      expect([text, answer.status, answer.body]).toEqual([
        text,
        expect.toSatisfy((s) => s < 500),
        answer.body,
      ]);
    }
  });

  it("are not taken where they could not be used: NUL, half characters, names that mean a cluster", async () => {
    const credentials = (db_user: string) =>
      api.send("post", "/api/tenants/managed/update_auth_credentials", { db_user, db_password: "x" });
    for (const name of ["a\0", "\ud800", "a.cluster.b", "ü".repeat(32), "a\nb"]) {
      expect(Object.keys((await credentials(name).expect(422)).body.errors)).toEqual(["db_user"]);
    }
    const ban = { banned: true, ban_reason: "a\0b" };
    const { body } = await api.send("patch", "/api/tenants/listed", ban).expect(422);
    expect(body.errors).toEqual({ ban_reason: ["must not hold a NUL character"] });
  });
});
