import { makeDataSource, migrate, StoredTenants, Vault } from "@sluice/control-plane/persistence/index";
import type { Tenant } from "@sluice/control-plane/tenants/index";
import { TenantInvalid } from "@sluice/control-plane/tenants/index";
import { silentLogger } from "@sluice/shared/observability";
import { systemClock } from "@sluice/shared/time";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createDatabase, type Database } from "../../support/database.js";
import { Api } from "./api.js";
import { Replica } from "./replica.js";
import { StoreProbe } from "./store-probe.js";
import { LISTED } from "./tenant-bodies.js";

const KEY = "a-vault-key-that-has-32-bytes-ok";
const ACTOR = { subject: null, jti: null, tokenId: "test", requestId: "test" };

describe("constraints of the database", () => {
  let database: Database;
  let replica: Replica;
  let dataSource: ReturnType<typeof makeDataSource>;
  let tenants: StoredTenants;

  beforeAll(async () => {
    database = await createDatabase();
    replica = await Replica.start(database.url, { vaultKey: KEY });
    dataSource = makeDataSource({ url: database.url, poolSize: 2, logger: silentLogger });
    await dataSource.initialize();
    await migrate(dataSource);
    tenants = new StoredTenants(dataSource, new Vault(KEY), systemClock);
    await new Api(replica).put("kept", LISTED).expect(201);
  });

  afterAll(async () => {
    await dataSource.destroy();
    await replica.stop();
    await database.drop();
  });

  const cases: readonly [string, Partial<Tenant>, string][] = [
    ["an ip_version of its own", { ipVersion: "v5" as "v4" }, "ip_version"],
    ["a verify of its own", { upstreamSsl: true, upstreamVerify: "full" as "peer" }, "upstream_verify"],
    ["TLS without a verify", { upstreamSsl: true }, "upstream_verify"],
    ["no query where one is needed", { requireUser: false }, "auth_query"],
    ["a reset of its own", { serverReset: "never" as "always" }, "server_reset"],
    ["a ban without a reason", { bannedAt: new Date() }, "ban_reason"],
  ];

  // Nothing of it gets past the API; this is what happens if its checks fail one day.
  it.each(
    cases,
  )("hold where a check is missing, and become a problem of the field: %s", async (_, change, field) => {
    const before = await new StoreProbe(database.url).generation();
    const wanted = tenants.change("kept", ACTOR, (stored) =>
      Promise.resolve(stored && { tenant: { ...stored, ...change }, action: "updated" as const }),
    );
    const problem: unknown = await wanted.then(
      () => undefined,
      (thrown: unknown) => thrown,
    );
    expect(problem).toBeInstanceOf(TenantInvalid);
    expect(Object.keys((problem as TenantInvalid).problems)).toEqual([field]);
    expect(await new StoreProbe(database.url).generation()).toBe(before);
  });

  it("hold for the same user twice", async () => {
    const wanted = tenants.change("kept", ACTOR, (stored) =>
      Promise.resolve(
        stored && {
          tenant: { ...stored, users: [...stored.users, ...stored.users] },
          action: "updated" as const,
        },
      ),
    );
    await expect(wanted).rejects.toMatchObject({ problems: { users: [expect.any(String)] } });
  });
});
