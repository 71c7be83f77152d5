import { makeDataSource, migrate } from "@sluice/control-plane/persistence/index";
import { silentLogger } from "@sluice/shared/observability";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createDatabase, type Database } from "../../support/database.js";
import { StoreProbe } from "./store-probe.js";

describe("the schema", () => {
  let database: Database;
  let dataSource: ReturnType<typeof makeDataSource>;

  beforeAll(async () => {
    database = await createDatabase();
    dataSource = makeDataSource({ url: database.url, poolSize: 4, logger: silentLogger });
    await dataSource.initialize();
  });

  afterAll(async () => {
    await dataSource.destroy();
    await database.drop();
  });

  it("is made by the migrations exactly as the entities say", async () => {
    expect((await migrate(dataSource)).length).toBeGreaterThan(0);
    const difference = await dataSource.driver.createSchemaBuilder().log();
    expect(difference.upQueries.map(({ query }) => query)).toEqual([]);
    // The comparison sees what it should: a column, a constraint, an index.
    const store = new StoreProbe(database.url);
    for (const [change, back] of [
      ["ALTER TABLE sluice.tenants ADD COLUMN x integer", "ALTER TABLE sluice.tenants DROP COLUMN x"],
      [
        "ALTER TABLE sluice.clusters DROP CONSTRAINT clusters_alias_key",
        "ALTER TABLE sluice.clusters ADD CONSTRAINT clusters_alias_key UNIQUE (alias)",
      ],
      ["DROP INDEX sluice.audit_at_idx", "CREATE INDEX audit_at_idx ON sluice.audit (at)"],
    ] as const) {
      await store.rows(change);
      const seen = await dataSource.driver.createSchemaBuilder().log();
      expect(seen.upQueries.length, change).toBeGreaterThan(0);
      await store.rows(back);
    }
    expect(await migrate(dataSource)).toEqual([]);
  });

  it("goes back to nothing, and is made again", async () => {
    const ran = await dataSource.query("SELECT name FROM sluice.migrations");
    for (const _ of ran) await dataSource.undoLastMigration({ transaction: "each" });
    const left = await new StoreProbe(database.url).rows<{ relname: string }>(
      "SELECT relname FROM pg_class WHERE relnamespace = 'sluice'::regnamespace AND relkind = 'r'",
    );
    expect(left).toEqual([{ relname: "migrations" }]);
    expect(await migrate(dataSource)).toHaveLength(ran.length);
  });

  it("is made once by replicas that start together", async () => {
    const shared = await createDatabase();
    const replicas = [1, 2, 3].map(() =>
      makeDataSource({ url: shared.url, poolSize: 2, logger: silentLogger }),
    );
    try {
      const ran = await Promise.all(
        replicas.map(async (replica) => {
          await replica.initialize();
          return migrate(replica);
        }),
      );
      expect(ran.map((names) => names.length > 0).sort()).toEqual([false, false, true]);
    } finally {
      for (const replica of replicas) await replica.destroy();
      await shared.drop();
    }
  });
});
