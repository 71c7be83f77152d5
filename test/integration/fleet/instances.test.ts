import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { eventually } from "../../support/eventually.js";
import { Api } from "../control-plane/api.js";
import type { Replica } from "../control-plane/replica.js";
import { StoreProbe } from "../control-plane/store-probe.js";
import { LISTED } from "../control-plane/tenant-bodies.js";
import { FleetRig, hasStatus, type RigDataPlane, serves, shown } from "./fleet-rig.js";

const PASSWORD = "a-password-that-nobody-may-read";
const TENANT = { ...LISTED, users: [{ ...LISTED.users[0], db_password: PASSWORD }] };

async function bytesBelow(folder: string): Promise<Buffer> {
  const names = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = names.filter((entry) => entry.isFile());
  return Buffer.concat(await Promise.all(files.map((file) => readFile(join(file.parentPath, file.name)))));
}

describe("instances of a group", () => {
  let rig: FleetRig;
  let first: Replica;
  let api: Api;

  const actions = async (): Promise<string[]> => {
    const { body } = await api.get("/api/audit").expect(200);
    return body.data.map(({ action }: { action: string }) => action);
  };
  const refusal = (dataPlane: RigDataPlane, why: RegExp): Promise<string> =>
    eventually("a refusal", () => {
      const { lastError } = dataPlane.subscription.status();
      return lastError !== undefined && why.test(lastError) ? lastError : undefined;
    });
  const path = async (dataPlane: RigDataPlane, action = ""): Promise<string> =>
    `/api/fleet/instances/pods/${await dataPlane.instance()}${action}`;

  beforeEach(async () => {
    rig = await FleetRig.open();
    first = await rig.startReplica({ instancesPerGroup: 2 });
    api = new Api(first);
  });

  afterEach(() => rig.close());

  it("a new key for a known one is refused by every replica until an operator allows it, by its fingerprint", async () => {
    await api.put("listed", TENANT).expect(201);
    const before = await rig.startDataPlane();
    await serves(before, "listed");
    await before.stop();
    const nodeKeyPath = join(rig.folder, "another-node-key.pem");
    const after = await rig.startDataPlane({ folder: before.folder, nodeKeyPath });
    await refusal(after, /another key; an operator must allow/);
    const { waiting_key_fingerprint: waiting, key_fingerprint: known } = await shown(first, after);
    expect(waiting).toMatch(/^[0-9a-f]{64}$/);
    expect(waiting).not.toBe(known);
    const allow = async (fingerprint: string) =>
      api.send("post", await path(after, "/allow"), { key_fingerprint: fingerprint });
    expect((await allow(known)).status).toBe(409);
    expect((await allow("0".repeat(64))).status).toBe(409);
    expect((await allow(waiting)).body.data).toMatchObject({
      key_fingerprint: waiting,
      waiting_key_fingerprint: null,
    });
    await hasStatus(first, after, "SYNCED");
    expect(await actions()).toEqual(
      expect.arrayContaining(["instance.first-seen", "instance.key-refused", "instance.key-allowed"]),
    );
    await after.stop();
    // The key before is the stranger now.
    const old = await rig.startDataPlane({ folder: before.folder });
    await refusal(old, /another key/);
  });

  it("are capped, with several that come at once, and a revoked one makes room", async () => {
    const three = await Promise.all([1, 2, 3].map(() => rig.startDataPlane()));
    const out = await eventually("one is left out", () =>
      three.find(({ subscription }) => /has 2 instances/.test(subscription.status().lastError ?? "")),
    );
    const [inside] = three.filter((dataPlane) => dataPlane !== out);
    if (inside === undefined) throw new Error("nobody came in");
    expect((await api.get("/api/fleet").expect(200)).body.data).toHaveLength(2);
    await api.send("post", await path(inside, "/revoke")).expect(200);
    await hasStatus(first, out, "SYNCED");
  });

  it("that vanished are forgotten after some days; revoked ones stay, and stay refused", async () => {
    const [gone, revoked] = [await rig.startDataPlane(), await rig.startDataPlane()];
    await hasStatus(first, gone, "SYNCED");
    await hasStatus(first, revoked, "SYNCED");
    await gone.stop();
    await api.send("post", await path(revoked, "/revoke")).expect(200);
    await hasStatus(first, gone, "OFFLINE");
    await first.forgetting.run();
    expect(await shown(first, gone)).toBeDefined();
    const store = new StoreProbe(rig.database.url);
    await store.rows("UPDATE sluice.instances SET last_seen_at = now() - interval '8 days'");
    await first.forgetting.run();
    expect(await shown(first, gone)).toBeUndefined();
    expect(await shown(first, revoked)).toMatchObject({ status: "REVOKED" });
  });

  it("a revoked one, at another replica, is cut off; the others get a new key before anything is sealed by it", async () => {
    const second = await rig.startReplica();
    await api.put("listed", TENANT).expect(201);
    const kept = await rig.startDataPlane({ replica: first });
    const revoked = await rig.startDataPlane({ replica: second });
    await serves(kept, "listed");
    await serves(revoked, "listed");
    await hasStatus(first, kept, "SYNCED");
    const keyBefore = await dataKeyOf(rig);
    // Tenants are written all the while.
    let writing = true;
    const writes = (async () => {
      for (let n = 0; writing; n++) await api.put(`written-${n % 5}`, { ...TENANT, db_port: 5000 + n });
    })();
    const answer = await api.send("post", await path(revoked, "/revoke")).expect(200);
    expect(answer.body.data).toMatchObject({ status: "REVOKED", connected_since: null });
    expect(answer.body.generation).toBeGreaterThan(0);
    await refusal(revoked, /revoked/);
    writing = false;
    await writes;
    await api.put("later", TENANT).expect(201);
    const later = await serves(kept, "later");
    expect(later.users.get("alice")?.password()).toBe(PASSWORD);
    expect(kept.directory.find("listed")?.users.get("alice")?.password()).toBe(PASSWORD);
    expect(kept.logger.find("a record cannot be used and is in quarantine", {})).toBeUndefined();
    expect(revoked.directory.find("later")).toBeUndefined();
    // It serves on what it holds.
    expect(revoked.directory.find("listed")).toBeDefined();
    const keyAfter = await dataKeyOf(rig);
    expect(keyAfter).not.toBe(keyBefore);
    const store = new StoreProbe(rig.database.url);
    const records = await store.rows<{ body: Buffer }>("SELECT body FROM sluice.records");
    expect(records.length).toBeGreaterThan(2);
    for (const { body } of records) {
      expect(body.includes(keyAfter)).toBe(true);
      expect(body.includes(keyBefore)).toBe(false);
    }
    expect(await actions()).toContain("instance.revoked");
    // Once is enough.
    const again = await api.send("post", await path(revoked, "/revoke")).expect(200);
    expect(again.body.generation).toBeNull();
    // An hour later the control plane has forgotten the old key, and with the next connection the data plane has, too.
    expect((await bytesBelow(kept.folder)).includes(keyBefore)).toBe(true);
    await store.rows("UPDATE sluice.retired_data_keys SET retired_at = retired_at - interval '2 hours'");
    await kept.stop();
    const forgetful = await rig.startDataPlane({ folder: kept.folder });
    await eventually(
      "the old key is gone",
      async () => !(await bytesBelow(kept.folder)).includes(keyBefore),
      { timeoutMs: 20_000 },
    );
    await serves(forgetful, "later");
    expect(forgetful.directory.find("later")?.users.get("alice")?.password()).toBe(PASSWORD);
    await forgetful.stop();
    // A restart from disk opens what it holds, with nothing in clear there.
    const restarted = await rig.startDataPlane({ folder: kept.folder });
    await serves(restarted, "later");
    expect(restarted.directory.find("later")?.users.get("alice")?.password()).toBe(PASSWORD);
    await hasStatus(first, restarted, "SYNCED");
    const disk = await bytesBelow(kept.folder);
    expect(disk.includes("later")).toBe(true);
    expect(disk.includes(PASSWORD)).toBe(false);
  });
});

async function dataKeyOf(rig: FleetRig): Promise<string> {
  const [row] = await new StoreProbe(rig.database.url).rows<{ data_key_id: string }>(
    "SELECT data_key_id FROM sluice.scopes WHERE scope = 'region:eu'",
  );
  return row?.data_key_id ?? "";
}
