import { makeDataSource, rotateVault, SEALED_TABLES, Vault } from "@sluice/control-plane/persistence/index";
import { silentLogger } from "@sluice/shared/observability";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { runCommand } from "../../support/command.js";
import { createDatabase, type Database } from "../../support/database.js";
import { Api } from "./api.js";
import { Region } from "./region.js";
import { Replica } from "./replica.js";
import { StoreProbe } from "./store-probe.js";
import { LISTED } from "./tenant-bodies.js";

const OLD = "an-old-vault-key-of-32-bytes-okay";
const NEW = "the-new-vault-key-with-many-more-bytes-than-32";
const TENANTS = 12;

describe("the rotation of VAULT_ENC_KEY", () => {
  let database: Database;
  let store: StoreProbe;

  beforeAll(async () => {
    database = await createDatabase();
    store = new StoreProbe(database.url);
    const before = await Replica.start(database.url, { vaultKey: OLD });
    await Region.appear("eu", before, database.url);
    const api = new Api(before);
    for (let i = 0; i < TENANTS; i++) {
      const users = [{ db_user: "u", db_password: `secret-${i}`, pool_size: 1 }];
      await api.put(`t${i}`, { ...LISTED, users }).expect(201);
    }
    await before.stop();
  });

  afterAll(() => database.drop());

  const keysInUse = async (): Promise<string[]> => {
    const rows = await store.rows<{ key: string }>(
      `SELECT DISTINCT vault_key_id AS key FROM (
         SELECT vault_key_id FROM sluice.users UNION ALL SELECT vault_key_id FROM sluice.scopes) k ORDER BY 1`,
    );
    return rows.map(({ key }) => key);
  };

  it("goes in batches, can be stopped, and goes on where it was while both keys are read", async () => {
    const dataSource = makeDataSource({ url: database.url, poolSize: 2, logger: silentLogger });
    await dataSource.initialize();
    try {
      const stopped = await rotateVault(dataSource, new Vault(NEW, [OLD]), 5, () => false);
      expect(stopped).toEqual({ done: 5, left: TENANTS - 5 + 1 });
    } finally {
      await dataSource.destroy();
    }
    expect(await keysInUse()).toEqual([new Vault(OLD).keyId, new Vault(NEW).keyId].sort());

    const between = await Replica.start(database.url, { vaultKey: NEW, oldVaultKeys: [OLD] });
    const region = await Region.appear("eu", between, database.url);
    const directory = await region.directory();
    for (let i = 0; i < TENANTS; i++) {
      expect(directory.find(`t${i}`)?.users.get("u")?.password()).toBe(`secret-${i}`);
    }
    await new Api(between).put("t0", { db_port: 1 }).expect(200);
    await between.stop();

    const env = { DATABASE_URL: database.url, VAULT_ENC_KEY: NEW, VAULT_ENC_KEY_OLD: OLD };
    const records = await store.rows("SELECT * FROM sluice.records ORDER BY id");
    const finished = await runCommand("rotate-vault-key", ["--batch", "3"], env);
    expect(finished).toMatchObject({ code: 0, out: expect.stringContaining("none are left") });
    expect(finished.err.split("\n").length).toBeGreaterThan(2);
    expect(await keysInUse()).toEqual([new Vault(NEW).keyId]);
    // Data planes are sent nothing for it.
    expect(await store.rows("SELECT * FROM sluice.records ORDER BY id")).toEqual(records);
    const again = await runCommand("rotate-vault-key", [], env);
    expect(again.out).toMatch(/^0 rows written anew/);

    const after = await Replica.start(database.url, { vaultKey: NEW });
    const api = new Api(after);
    await api.put("t5", { db_port: 1 }).expect(200);
    const moved = await Region.appear("eu", after, database.url);
    expect((await moved.directory()).find("t5")?.users.get("u")?.password()).toBe("secret-5");
    await after.stop();
  });

  it("knows every table that has secrets", async () => {
    const rows = await store.rows<{ name: string }>(
      `SELECT table_name AS name FROM information_schema.columns
       WHERE table_schema = 'sluice' AND column_name = 'vault_key_id' ORDER BY 1`,
    );
    expect(rows.map(({ name }) => name)).toEqual([...SEALED_TABLES].sort());
  });

  it("says which key is missing, and never shows one", async () => {
    const outcome = await runCommand("rotate-vault-key", [], {
      DATABASE_URL: database.url,
      VAULT_ENC_KEY: "short",
    });
    expect(outcome.code).not.toBe(0);
    expect(outcome.err).toMatch(/VAULT_ENC_KEY: must have at least 32 bytes/);
    expect(outcome.err).toMatch(/VAULT_ENC_KEY_OLD: must be set/);
    const wrong = await runCommand("rotate-vault-key", [], {
      DATABASE_URL: database.url,
      VAULT_ENC_KEY: "yet-another-vault-key-of-32-bytes",
      VAULT_ENC_KEY_OLD: OLD,
    });
    expect(wrong.code).toBe(1);
    expect(wrong.err).toMatch(/does not open/);
    expect(await keysInUse()).toEqual([new Vault(NEW).keyId]);
  });
});
