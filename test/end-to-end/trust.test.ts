import { existsSync, readdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Fleet, startFleet } from "@sluice/local/fleet";
import { afterAll, beforeAll, describe, expect, inject, it } from "vitest";
import { eventually } from "../support/eventually.js";
import { connectTo, putTenant, served } from "../support/tenant-api.js";

/** Found again in a file if it lay there in clear. */
const PASSWORD = "a-password-that-is-easy-to-find";

describe("configuration is what was signed, or nothing", () => {
  const server = inject("postgres");
  const login = { user: "trusting", password: PASSWORD };
  let fleet: Fleet;

  const tenant = (poolSize: number) => ({
    db_host: "127.0.0.1",
    db_port: server.port,
    db_database: "postgres",
    require_user: true,
    users: [{ db_user: login.user, db_password: PASSWORD, pool_size: poolSize }],
  });

  beforeAll(async () => {
    fleet = await startFleet({ postgres: server });
    const admin = {
      ...tenant(2),
      users: [{ db_user: server.user, db_password: server.password, pool_size: 1 }],
    };
    await putTenant(fleet, "admin", admin);
    await served(fleet, "admin", { password: server.password });
    const client = await connectTo(fleet, "admin", { password: server.password });
    await client.query(`create role ${login.user} login password '${PASSWORD}'`);
    await client.end();
    await putTenant(fleet, "trusted", tenant(2));
    await served(fleet, "trusted", login);
  });
  afterAll(async () => {
    await fleet?.stop();
  });

  const stateFile = (): string => join(fleet.dataPlane.dataDir, "configuration", "state");
  const journalFile = (): string => join(fleet.dataPlane.dataDir, "configuration", "journal");
  const ready = async (): Promise<number> =>
    (await fetch(`http://127.0.0.1:${fleet.dataPlane.ports.operations}/readyz`)).status;

  it("goes on with the control plane gone: queries, new logins, and after kill -9 from disk", async () => {
    const before = await connectTo(fleet, "trusted", login);
    await fleet.controlPlane.kill();
    expect((await before.query("select 1 as one")).rows).toEqual([{ one: 1 }]);
    await before.end();
    await (await connectTo(fleet, "trusted", login)).end();
    await fleet.dataPlane.kill();
    await fleet.dataPlane.start();
    await (await connectTo(fleet, "trusted", login)).end();
    expect(await ready()).toBe(200);
    await fleet.controlPlane.start();
  });

  it("holds no secret in clear on its disk", () => {
    const files = readdirSync(fleet.dataPlane.dataDir, { recursive: true, withFileTypes: true }).filter(
      (entry) => entry.isFile(),
    );
    expect(files.length).toBeGreaterThan(2);
    for (const file of files) {
      const bytes = readFileSync(join(file.parentPath, file.name));
      expect(bytes.includes(PASSWORD), file.name).toBe(false);
      expect(bytes.includes("SCRAM-SHA-256$"), file.name).toBe(false);
    }
    expect(fleet.logs()).not.toContain(PASSWORD);
  });

  it("does not serve a state on disk that was altered by one bit, says so, and asks for it again", async () => {
    await fleet.dataPlane.stop();
    await fleet.controlPlane.stop();
    const good = readFileSync(stateFile());
    const bad = Buffer.from(good);
    // In the middle, where the signed bytes are.
    bad.writeUInt8(bad.readUInt8(bad.length >> 1) ^ 1, bad.length >> 1);
    writeFileSync(stateFile(), bad);
    await fleet.dataPlane.start();
    expect(await ready()).toBe(503);
    expect(fleet.logs()).toContain("the stored configuration cannot be used");
    await expect(connectTo(fleet, "trusted", login)).rejects.toMatchObject({ code: "28000" });
    await fleet.controlPlane.start();
    await served(fleet, "trusted", login);
    expect(await ready()).toBe(200);
  });

  it("does not go back to an older state that somebody put on its disk", async () => {
    const older = readFileSync(stateFile());
    const olderJournal = existsSync(journalFile()) ? readFileSync(journalFile()) : Buffer.alloc(0);
    const text = (): string => fleet.logs();
    const taken = text().split("configuration taken").length;
    await putTenant(fleet, "trusted", tenant(3));
    await eventually("the newer one is held", () => text().split("configuration taken").length > taken);
    await fleet.dataPlane.stop();
    await fleet.controlPlane.stop();
    writeFileSync(stateFile(), older);
    writeFileSync(journalFile(), olderJournal);
    await fleet.dataPlane.start();
    expect(await ready()).toBe(503);
    expect(text()).toContain("EBUNDLE_OLDER");
    await fleet.controlPlane.start();
    await served(fleet, "trusted", login);
  });

  it("is not ready when its key is lost and it can open nothing that it holds, until the key is back", async () => {
    const [path, elsewhere] = [
      join(fleet.dataPlane.dataDir, "node-key.pem"),
      join(fleet.folder, "kept-key.pem"),
    ];
    await fleet.dataPlane.stop();
    renameSync(path, elsewhere);
    await fleet.dataPlane.start();
    expect(await ready()).toBe(503);
    await eventually("it waits for an operator", () =>
      fleet.logs().includes("an operator must allow the new one"),
    );
    expect(await ready()).toBe(503);
    await fleet.dataPlane.stop();
    renameSync(elsewhere, path);
    await fleet.dataPlane.start();
    await served(fleet, "trusted", login);
    expect(await ready()).toBe(200);
  });

  it("takes nothing that other root keys have signed", async () => {
    await fleet.dataPlane.stop();
    const stranger = Buffer.alloc(32, 7).toString("base64");
    await fleet.dataPlane.start({
      TRUST_ROOT_KEYS: stranger,
      DATA_DIR: join(fleet.folder, "another-data-plane"),
    });
    await eventually("it is refused", () => fleet.logs().includes("EBUNDLE_SIGNATURE"));
    expect(await ready()).toBe(503);
    await fleet.dataPlane.stop();
    await fleet.dataPlane.start();
    await served(fleet, "trusted", login);
  });
});
