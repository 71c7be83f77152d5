import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { type Fleet, startFleet } from "@sluice/local/fleet";
import { workspace } from "@sluice/local/workspace";
import { afterAll, beforeAll, describe, expect, inject, it } from "vitest";
import { createDatabase, type Database } from "../../support/database.js";
import { putTenant, served } from "../../support/tenant-api.js";
import { PRODUCTS, type ShopReport, STOCK } from "./shop.js";

const MODES = ["transaction", "session"] as const;
const LIBRARIES = ["typeorm", "knex", "drizzle"] as const;

/** A program of its own, which knows nothing but a URL. */
async function run(library: (typeof LIBRARIES)[number], url: string): Promise<ShopReport> {
  const program = join(workspace, "test/dist/end-to-end/applications", `${library}-shop.js`);
  const { stdout, stderr } = await promisify(execFile)(process.execPath, [program, url], { timeout: 60_000 });
  expect(stderr).toBe("");
  return JSON.parse(stdout) as ShopReport;
}

describe("a shop", () => {
  const server = inject("postgres");
  const databases: Database[] = [];
  let fleet: Fleet;

  beforeAll(async () => {
    fleet = await startFleet({ postgres: server });
    const tenant = (poolSize: number) => ({
      db_host: "127.0.0.1",
      db_port: server.port,
      db_database: "postgres",
      require_user: true,
      users: [{ db_user: "postgres", db_password: server.password, pool_size: poolSize, max_clients: 50 }],
    });
    // Fewer servers than the application has connections; in session mode each needs one.
    await putTenant(fleet, "transaction", tenant(3));
    await putTenant(fleet, "session", tenant(8));
    for (const id of MODES) await served(fleet, id, { password: server.password });
  });
  afterAll(async () => {
    await fleet?.stop();
    for (const database of databases) await database.drop();
  });

  it.each(
    LIBRARIES,
  )("with %s sells what there is and finds everything as on Postgres itself", async (library) => {
    const database = await createDatabase();
    databases.push(database);
    const direct = await run(library, database.url);
    const left = direct.stock.reduce((sum, [, count]) => sum + count, 0);
    expect(direct.items + left).toBe(STOCK * PRODUCTS.length);
    expect(direct.refused).toBeGreaterThan(0);
    expect(direct.columns).toContain("orders.notes jsonb");
    expect(direct.migrations).toHaveLength(2);
    for (const mode of MODES) {
      const port = fleet.dataPlane.ports[mode];
      const url = `postgresql://postgres.${mode}:${server.password}@127.0.0.1:${port}/${database.database}`;
      expect(await run(library, url), mode).toEqual(direct);
    }
  });
});
