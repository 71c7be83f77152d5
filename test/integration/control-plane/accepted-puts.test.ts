import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createDatabase, type Database } from "../../support/database.js";
import { Api } from "./api.js";
import { Region } from "./region.js";
import { Replica } from "./replica.js";

const ms = (most = 86_400_000): fc.Arbitrary<number> => fc.integer({ min: 0, max: most });
const label = fc.stringMatching(/^[a-z0-9]([a-z0-9-]{0,10}[a-z0-9])?$/);
const host = fc.oneof(
  fc.array(label, { minLength: 1, maxLength: 4 }).map((labels) => labels.join(".")),
  fc.ipV4(),
  fc.ipV6(),
);
const range = fc.oneof(
  fc.tuple(fc.ipV4(), fc.integer({ min: 0, max: 32 })).map(([address, bits]) => `${address}/${bits}`),
  fc.tuple(fc.ipV6(), fc.integer({ min: 0, max: 128 })).map(([address, bits]) => `${address}/${bits}`),
  fc.ipV4(),
);
/** Any text, of which the API refuses some. */
const name = fc.string({ unit: "grapheme", minLength: 1, maxLength: 20 });

const user = fc.record(
  {
    db_user: name,
    db_password: fc.string({ unit: "grapheme", minLength: 1, maxLength: 40 }),
    pool_size: fc.integer({ min: 1, max: 10_000 }),
    mode_type: fc.constantFrom("transaction", "session"),
    pool_checkout_timeout: fc.integer({ min: 1, max: 86_400_000 }),
    max_clients: fc.option(fc.integer({ min: 1, max: 1_000_000 })),
  },
  { requiredKeys: ["db_user", "db_password", "pool_size"] },
);

const tenant = fc.record(
  {
    db_host: host,
    db_port: fc.integer({ min: 1, max: 65_535 }),
    db_database: name,
    require_user: fc.constant(true),
    users: fc.uniqueArray(user, { minLength: 1, maxLength: 4, selector: ({ db_user }) => db_user }),
    ip_version: fc.constantFrom("auto", "v4", "v6"),
    enforce_ssl: fc.boolean(),
    default_pool_size: fc.integer({ min: 1, max: 10_000 }),
    default_max_clients: fc.integer({ min: 1, max: 1_000_000 }),
    client_idle_timeout: ms(),
    client_heartbeat_interval: ms(86_400),
    idle_transaction_timeout: ms(),
    query_timeout: ms(),
    transaction_timeout: ms(),
    server_idle_timeout: ms(),
    server_lifetime: ms(),
    server_connect_timeout: ms(300_000),
    min_pool_size: ms(10_000),
    max_server_connections: ms(100_000),
    application_name_add_host: fc.boolean(),
    server_reset: fc.constantFrom("tracked", "always"),
    max_pinned: fc.option(ms(10_000)),
    allow_md5: fc.boolean(),
    allow_list: fc.array(range, { maxLength: 5 }),
    availability_zone: fc.option(name),
    auth_query: fc.option(name.map((text) => `${text} $1`)),
    default_parameter_status: fc.dictionary(label, name, { maxKeys: 5 }),
    feature_flags: fc.dictionary(label, fc.oneof(fc.boolean(), fc.integer(), name), { maxKeys: 5 }),
  },
  { requiredKeys: ["db_host", "db_port", "db_database", "require_user", "users"] },
);

describe("any PUT that is accepted", () => {
  let database: Database;
  let replica: Replica;
  let api: Api;
  let region: Region;

  beforeAll(async () => {
    database = await createDatabase();
    replica = await Replica.start(database.url);
    api = new Api(replica);
    region = await Region.appear("eu", replica, database.url);
  });

  afterAll(async () => {
    await replica.stop();
    await database.drop();
  });

  it("is read back as it was given, and reaches a data plane's directory so; any other is a 422", async () => {
    let accepted = 0;
    await fc.assert(
      fc.asyncProperty(tenant, async (given) => {
        const answer = await api.put("any", given);
        if (answer.status === 422) {
          expect(Object.keys(answer.body.errors).length).toBeGreaterThan(0);
          return;
        }
        expect([200, 201]).toContain(answer.status);
        accepted += 1;
        const { body } = await api.get("/api/tenants/any");
        expect(body.data).toEqual(answer.body.data);
        const { users, ...fields } = given;
        for (const [field, value] of Object.entries(fields)) {
          expect(body.data[field], field).toEqual(value);
        }
        expect(body.data.users).toHaveLength(users.length);
        const served = (await region.directory()).find("any");
        expect(served).toMatchObject({
          upstream: { host: given.db_host, port: given.db_port },
          database: given.db_database,
          defaultPoolSize: body.data.default_pool_size,
          defaultMaxClients: body.data.default_max_clients,
          clientIdleTimeoutMs: body.data.client_idle_timeout,
          clientHeartbeatIntervalS: body.data.client_heartbeat_interval,
          idleTransactionTimeoutMs: body.data.idle_transaction_timeout,
          queryTimeoutMs: body.data.query_timeout,
          transactionTimeoutMs: body.data.transaction_timeout,
          serverIdleTimeoutMs: body.data.server_idle_timeout,
          serverLifetimeMs: body.data.server_lifetime,
          serverConnectTimeoutMs: body.data.server_connect_timeout,
          minPoolSize: body.data.min_pool_size,
          maxServerConnections: body.data.max_server_connections || undefined,
          maxPinned: body.data.max_pinned ?? undefined,
          applicationNameAddHost: body.data.application_name_add_host,
          serverReset: body.data.server_reset,
          allowMd5: body.data.allow_md5,
          enforceSsl: body.data.enforce_ssl,
          authQuery: body.data.auth_query ?? undefined,
          availabilityZone: body.data.availability_zone ?? undefined,
        });
        for (const [index, wanted] of users.entries()) {
          expect(body.data.users[index]).toMatchObject({ db_user: wanted.db_user, db_password_set: true });
          const there = served?.users.get(wanted.db_user);
          expect(there?.password()).toBe(wanted.db_password);
          expect(there).toMatchObject({
            poolSize: wanted.pool_size,
            checkoutTimeoutMs: body.data.users[index].pool_checkout_timeout,
            maxClients: wanted.max_clients ?? undefined,
            mode: body.data.users[index].mode_type,
          });
        }
        // Sent once more, nothing changes.
        const generation = await region.generation();
        const again = await api.put("any", given).expect(200);
        expect(again.body).toEqual(body);
        expect(await region.generation()).toBe(generation);
      }),
      { numRuns: 60, interruptAfterTimeLimit: 60_000 },
    );
    expect(accepted).toBeGreaterThan(10);
    expect(replica.log.text).not.toMatch(/request failed/);
  }, 120_000);
});
