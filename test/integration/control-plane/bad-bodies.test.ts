import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { makeCertificate } from "@sluice/local/certificates";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createDatabase, type Database } from "../../support/database.js";
import { Api } from "./api.js";
import { Replica } from "./replica.js";
import { EXPIRED_CA, NO_CA } from "./sample-certificates.js";
import { StoreProbe } from "./store-probe.js";
import { LISTED } from "./tenant-bodies.js";

/** What stands at a field, and how the answer names the field and the problem. */
type Bad = readonly [field: string, value: unknown, at: string, problem: RegExp];

const TEXT = /must be a text/;
const WHOLE = /must be a whole number/;
const BOOLEAN = /must be true or false/;
const JUNK: readonly unknown[] = ["x", 1.5, true, null, [], {}];

/** Every field of a number: below, above, and of another type. */
const NUMBERS: readonly (readonly [string, number, number])[] = [
  ["db_port", 1, 65_535],
  ["default_pool_size", 1, 10_000],
  ["default_max_clients", 1, 1_000_000],
  ["client_idle_timeout", 0, 86_400_000],
  ["client_heartbeat_interval", 0, 86_400],
  ["idle_transaction_timeout", 0, 86_400_000],
  ["query_timeout", 0, 86_400_000],
  ["transaction_timeout", 0, 86_400_000],
  ["server_idle_timeout", 0, 86_400_000],
  ["server_lifetime", 0, 86_400_000],
  ["server_connect_timeout", 0, 300_000],
  ["min_pool_size", 0, 10_000],
  ["max_server_connections", 0, 100_000],
];

const BOOLEANS = [
  ...["upstream_ssl", "enforce_ssl", "require_user", "application_name_add_host", "allow_md5", "use_jit"],
];

const TEXTS: readonly (readonly [string, number])[] = [
  ["db_host", 253],
  ["db_database", 63],
  ["auth_query", 4096],
  ["sni_hostname", 253],
  ["upstream_tls_name", 253],
  ["availability_zone", 255],
  ["jit_api_url", 2048],
];

const NUMBER_CASES: readonly Bad[] = NUMBERS.flatMap(([field, least, most]): Bad[] => [
  [field, least - 1, field, new RegExp(`must be at least ${least}`)],
  [field, most + 1, field, new RegExp(`must be at most ${most}`)],
  [field, 1e300, field, new RegExp(`must be at most ${most}`)],
  ...JUNK.map((value): Bad => [field, value, field, WHOLE]),
]);

const BOOLEAN_CASES: readonly Bad[] = BOOLEANS.flatMap((field) =>
  ["true", 1, null, [], {}].map((value): Bad => [field, value, field, BOOLEAN]),
);

const TEXT_CASES: readonly Bad[] = TEXTS.flatMap(([field, most]): Bad[] => [
  [field, "x".repeat(most + 1), field, new RegExp(`must have at most ${most} characters`)],
  [field, "a\0b", field, /must not hold a NUL/],
  [field, "\udfff", field, /half of a surrogate pair/],
  ...[1, true, [], {}].map((value): Bad => [field, value, field, /must be a text/]),
]);

const HOSTS = [
  "a b",
  "http://x",
  "x:5432",
  "-x",
  "x..y",
  "[::1]",
  "x/y",
  "user@x",
  "ex ample",
  "%00",
  "x,y",
  "127.1",
  "1.2.3.4.5",
  "x.0x7f",
];

const HOST_CASES: readonly Bad[] = HOSTS.flatMap((value): Bad[] => [
  ["db_host", value, "db_host", /must be a host name/],
  ["sni_hostname", value, "sni_hostname", /must be a host name/],
]);

const RANGES = [
  "",
  "x",
  "10.0.0.0/33",
  "10.0.0/8",
  "::/129",
  "10.0.0.0/-1",
  "1.2.3.4/8/8",
  "fe80::1%eth0",
  "10.0.0.0/08x",
];

const RANGE_CASES: readonly Bad[] = RANGES.map(
  (value): Bad => ["allow_list", ["10.0.0.0/8", value], "allow_list.1", /must be an address range/],
);

const user = LISTED.users[0] ?? {};
const users = (change: Readonly<Record<string, unknown>>): unknown => [{ ...user, ...change }];

const USER_CASES: readonly Bad[] = [
  ...["", "x".repeat(64)].map(
    (value): Bad => ["users", users({ db_user: value }), "users.0.db_user", /blank|at most 63/],
  ),
  ["users", users({ db_user: "ü".repeat(32) }), "users.0.db_user", /63 bytes in UTF-8, not 64/],
  ["users", users({ db_user: "a\nb" }), "users.0.db_user", /control characters/],
  ["users", users({ db_user: "a.cluster.b" }), "users.0.db_user", /mean a cluster/],
  ["users", users({ db_user: "a.cluster" }), "users.0.db_user", /mean a cluster/],
  ["users", users({ db_user: 1 }), "users.0.db_user", TEXT],
  ["users", users({ db_user_alias: "" }), "users.0.db_user_alias", /blank/],
  ["users", users({ db_password: "" }), "users.0.db_password", /blank/],
  ["users", users({ db_password: null }), "users.0.db_password", TEXT],
  ["users", users({ db_password: "x".repeat(65_531) }), "users.0.db_password", /at most 65530/],
  ...[0, -1, 10_001, 1e9].map(
    (value): Bad => ["users", users({ pool_size: value }), "users.0.pool_size", /at least 1|at most 10000/],
  ),
  ...JUNK.map((value): Bad => ["users", users({ pool_size: value }), "users.0.pool_size", WHOLE]),
  ...[0, 1_000_001].map(
    (value): Bad => [
      "users",
      users({ max_clients: value }),
      "users.0.max_clients",
      /at least 1|at most 1000000/,
    ],
  ),
  ...[0, 86_400_001].map(
    (value): Bad => [
      "users",
      users({ pool_checkout_timeout: value }),
      "users.0.pool_checkout_timeout",
      /at least 1|at most 86400000/,
    ],
  ),
  ...["native", "", null, 1].map(
    (value): Bad => ["users", users({ mode_type: value }), "users.0.mode_type", /must be/],
  ),
  ...["true", 1, null].map(
    (value): Bad => ["users", users({ is_manager: value }), "users.0.is_manager", BOOLEAN],
  ),
  ["users", users({ id: 1 }), "users.0.id", /is not a known field/],
  ["users", [null], "users.0", /must be an object/],
  ["users", ["alice"], "users.0", /must be an object/],
  ["users", [[]], "users.0", /must be an object/],
  ["users", [user, user], "users.1.db_user", /is the same as users.0.db_user/],
  ["users", {}, "users", /must be a list/],
  ["users", null, "users", /must be a list/],
  ["users", Array.from({ length: 1001 }, (_, i) => ({ ...user, db_user: `u${i}` })), "users", /at most 1000/],
];

const CHOICE_CASES: readonly Bad[] = [
  ...["V4", "v5", "", null, 4].map((value): Bad => ["ip_version", value, "ip_version", /must be/]),
  ...["full", "", true].map(
    (value): Bad => ["upstream_verify", value, "upstream_verify", /none, peer, null/],
  ),
  ...["reset", "", null].map((value): Bad => ["server_reset", value, "server_reset", /must be/]),
];

const SHAPE_CASES: readonly Bad[] = [
  ["default_parameter_status", { a: 1 }, "default_parameter_status.a", TEXT],
  ["default_parameter_status", { a: "x".repeat(1025) }, "default_parameter_status.a", /at most 1024/],
  ["default_parameter_status", { a: "\0" }, "default_parameter_status.a", /NUL/],
  ["default_parameter_status", [], "default_parameter_status", /must be an object/],
  [
    "default_parameter_status",
    Object.fromEntries(Array.from({ length: 101 }, (_, i) => [`p${i}`, ""])),
    "default_parameter_status",
    /at most 100/,
  ],
  ["feature_flags", { a: { b: 1 } }, "feature_flags.a", /must be/],
  ["feature_flags", { a: null }, "feature_flags.a", /must be/],
  ["feature_flags", "x", "feature_flags", /must be an object/],
  ["allow_list", "10.0.0.0/8", "allow_list", /must be a list/],
  ["allow_list", [1], "allow_list.0", TEXT],
  ["allow_list", Array.from({ length: 1001 }, () => "10.0.0.0/8"), "allow_list", /at most 1000/],
  ["regions", "eu", "regions", /must be a list/],
  ["regions", [""], "regions.0", /must be a region/],
  ["regions", ["a/b"], "regions.0", /must be a region/],
  ["max_pinned", -1, "max_pinned", /at least 0/],
  ["jit_api_url", "javascript:alert(1)", "jit_api_url", /http or https/],
  ["jit_api_url", "/relative", "jit_api_url", /http or https/],
  ["jit_api_url", "https://user:password@host/", "jit_api_url", /must not hold a user's name or password/],
  ["sni_hostname", "192.0.2.1", "sni_hostname", /no address/],
  ["sni_hostname", "x.example.", "sni_hostname", /no dot at the end/],
  ["auth_query", "select 1", "auth_query", /must hold \$1/],
  ["auth_query", "select $10", "auth_query", /must hold \$1/],
  ["upstream_verify", "peer", "upstream_verify", /needs upstream_ssl/],
  ["upstream_verify", "none", "upstream_verify", /needs upstream_ssl/],
  ["external_id", "another", "external_id", /as in the path/],
  ["external_id", 5, "external_id", TEXT],
  ["banned", true, "banned", /is not a known field: did you mean banned_/],
  ["uuid", "x", "uuid", /is not a known field/],
  ["Db_Host", "x", "Db_Host", /did you mean db_host/],
  ["pool_size", 5, "pool_size", /did you mean default_pool_size/],
  ["", 1, "body", /is not a known field/],
  ["__proto__x", 1, "__proto__x", /is not a known field/],
  ["upstream_tls_ca", "MIIB", "upstream_tls_ca", /in PEM/],
  ["upstream_tls_ca", "-----BEGIN CERTIFICATE-----\nx", "upstream_tls_ca", /in PEM/],
  [
    "upstream_tls_ca",
    "-----BEGIN CERTIFICATE-----\nx\n-----END CERTIFICATE-----",
    "upstream_tls_ca",
    /cannot be read/,
  ],
  [
    "upstream_tls_ca",
    "-----BEGIN PRIVATE KEY-----\nx\n-----END PRIVATE KEY-----",
    "upstream_tls_ca",
    /private key/,
  ],
  ["upstream_tls_ca", 5, "upstream_tls_ca", TEXT],
];

/** Not bodies of a tenant at all: the whole text, and the answer. */
const TEXT_BODIES: readonly (readonly [string, number, RegExp])[] = [
  ["", 422, /can't be blank|required|must be an object/],
  ["{", 400, /it ends too early, at line 1, column 2/],
  [
    '{"tenant": {"db_port": 5432,}}',
    400,
    /a comma with nothing behind it, in front of the \}.* line 1, column 29/,
  ],
  ['{\n  "tenant": {} // see\n}', 400, /a comment, which JSON does not have, at line 2, column 16/],
  ["{'tenant': {}}", 400, /a single quote/],
  ["{tenant: {}}", 400, /line 1, column 2/],
  ['{"tenant": NaN}', 400, /line 1, column 12/],
  ['{"tenant": undefined}', 400, /line 1, column 12/],
  ['{"tenant": {"a": 01}}', 400, /line 1, column 19/],
  ['{"tenant": "\t"}', 400, /control character/],
  ['{"tenant": {}} {}', 400, /line 1, column 16/],
  ["\ufeff{}", 422, /blank/],
  ["null", 422, /must be an object/],
  ["5", 422, /must be an object/],
  ['"tenant"', 422, /must be an object/],
  ["[]", 422, /must be an object/],
  ["{}", 422, /can't be blank/],
  ['{"tenant": null}', 422, /must be an object/],
  ['{"tenant": []}', 422, /must be an object/],
  ['{"tenants": {}}', 422, /did you mean tenant/],
  [`{"tenant": ${"[".repeat(200)}${"]".repeat(200)}}`, 422, /nested too deep/],
  [
    `{"tenant": {"feature_flags": ${'{"a":'.repeat(100_000)}1${"}".repeat(100_000)}}}`,
    422,
    /nested too deep/,
  ],
  ['{"a":'.repeat(100_000), 400, /nested deeper than 1000/],
  [`{"tenant": {"db_host": "${"x".repeat(1024 * 1024)}"}}`, 413, /larger than 1 MB/],
];

const CASES = [
  ...NUMBER_CASES,
  ...BOOLEAN_CASES,
  ...TEXT_CASES,
  ...HOST_CASES,
  ...RANGE_CASES,
  ...USER_CASES,
  ...CHOICE_CASES,
  ...SHAPE_CASES,
];

describe("bad bodies", () => {
  let database: Database;
  let replica: Replica;
  let api: Api;

  beforeAll(async () => {
    database = await createDatabase();
    replica = await Replica.start(database.url);
    api = new Api(replica);
  });

  afterAll(async () => {
    await replica.stop();
    await database.drop();
  });

  it("are more than 200", () => {
    expect(CASES.length + TEXT_BODIES.length).toBeGreaterThanOrEqual(200);
  });

  it.each(
    CASES.map((bad, index) => [index, bad[0], JSON.stringify(bad[1]).slice(0, 60), bad] as const),
  )("%i: %s %s is a 422 that names the field", async (_index, _field, _shown, [
    field,
    value,
    at,
    problem,
  ]) => {
    const { status, body } = await api.put("bad", { ...LISTED, [field]: value });
    expect([status, Object.keys(body)]).toEqual([422, ["errors"]]);
    expect(Object.keys(body.errors)).toContain(at);
    expect(body.errors[at]?.join("; ")).toMatch(problem);
  });

  it.each(
    TEXT_BODIES.map((bad) => [bad[0].slice(0, 40), ...bad] as const),
  )("%s", async (_shown, text, status, problem) => {
    const answer = await api.put("bad", text);
    expect(answer.status).toBe(status);
    expect(JSON.stringify(answer.body).replaceAll('\\"', '"')).toMatch(problem);
  });

  it("with tens of thousands of mistakes are answered with the first of them", async () => {
    const many = Object.fromEntries(Array.from({ length: 50_000 }, (_, index) => [`field_${index}`, 1]));
    const { body } = await api.put("bad", many).expect(422);
    expect(Object.keys(body.errors)).toHaveLength(1000);
  });

  it("of bytes that are no UTF-8, of another type, and in an encoding of their own are told apart", async () => {
    const path = "/api/tenants/bad";
    const raw = (bytes: Buffer, headers: Record<string, string>) =>
      api
        .send("put", path, undefined, headers)
        .serialize((body: unknown) => body as string)
        .send(bytes as unknown as string);
    const json = { "content-type": "application/json" };
    expect((await raw(Buffer.from([0x22, 0xff, 0x22]), json)).status).toBe(400);
    expect(
      (await raw(Buffer.from("a=b"), { "content-type": "application/x-www-form-urlencoded" })).status,
    ).toBe(415);
    expect((await raw(Buffer.from("{}"), { ...json, "content-encoding": "br2" })).status).toBe(415);
    for (const encoding of ["gzip", "deflate", "br"]) {
      const packed = await raw(Buffer.from("{}"), { ...json, "content-encoding": encoding });
      expect(packed.status).toBe(400);
      expect(packed.body).toEqual({ error: "the body is not what its content-encoding says" });
    }
  });

  it("with a CA that has expired, or a certificate that is no CA, say which one it is", async () => {
    const folder = mkdtempSync(join(tmpdir(), "sluice-test-"));
    await makeCertificate("Good CA", { certPath: join(folder, "ca.pem"), keyPath: join(folder, "ca.key") });
    const bundle = `${readFileSync(join(folder, "ca.pem"), "utf8")}${NO_CA}`;
    rmSync(folder, { recursive: true });
    const tls = { upstream_ssl: true, upstream_verify: "peer" };
    const notCa = await api.put("bad", { ...LISTED, ...tls, upstream_tls_ca: bundle }).expect(422);
    expect(notCa.body.errors.upstream_tls_ca).toEqual([
      expect.stringMatching(/^certificate 2 of 2 \(CN=a server\) is not the certificate of a CA$/),
    ]);
    const expired = await api.put("bad", { ...LISTED, ...tls, upstream_tls_ca: EXPIRED_CA }).expect(422);
    expect(expired.body.errors.upstream_tls_ca).toEqual([
      expect.stringMatching(/^the certificate \(CN=Expired CA\) has expired: /),
    ]);
  });

  it("have written nothing, taken no generation and made no 500", async () => {
    const store = new StoreProbe(database.url);
    expect(await store.generation()).toBe(0n);
    expect(await store.rows("SELECT 1 FROM sluice.tenants")).toEqual([]);
    expect(replica.log.text).not.toMatch(/request failed/);
  });
});
