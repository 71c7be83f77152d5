import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, statfsSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeEach, describe, expect, it } from "vitest";
import { TestCa } from "../../support/certificates.js";
import { eventually } from "../../support/eventually.js";
import { Api } from "../control-plane/api.js";
import type { Replica } from "../control-plane/replica.js";
import { LISTED } from "../control-plane/tenant-bodies.js";
import { FleetRig, hasStatus, type RigDataPlane, serves } from "../fleet/fleet-rig.js";

/** A disk of 4 MiB. Undefined: this host lets nobody mount one. */
function mountSmallDisk(): string | undefined {
  const folder = mkdtempSync(join(tmpdir(), "sluice-small-disk-"));
  try {
    execFileSync("mount", ["-t", "tmpfs", "-o", "size=4m", "tmpfs", folder], { stdio: "ignore" });
    return folder;
  } catch {
    rmSync(folder, { recursive: true, force: true });
    return undefined;
  }
}

const disk = process.platform === "linux" ? mountSmallDisk() : undefined;

describe.skipIf(disk === undefined)("a data plane whose disk is full (where a tmpfs can be mounted)", () => {
  const folder = disk ?? "";
  const filler = join(folder, "filler");
  let rig: FleetRig;
  let replica: Replica;
  let api: Api;
  let dataPlane: RigDataPlane;

  /** Leaves so many bytes. */
  const fill = (leave: number): void => {
    const { bavail, bsize } = statfsSync(folder);
    writeFileSync(filler, Buffer.alloc(Math.max(0, bavail * bsize - leave)));
  };

  afterAll(() => {
    execFileSync("umount", ["-l", folder]);
    rmSync(folder, { recursive: true, force: true });
  });
  beforeEach(async () => {
    rig = await FleetRig.open();
    replica = await rig.startReplica();
    api = new Api(replica);
    await api.put("listed", LISTED).expect(201);
    const own = mkdtempSync(join(folder, "data-"));
    dataPlane = await rig.startDataPlane({ folder: own });
    await serves(dataPlane, "listed");
    await hasStatus(replica, dataPlane, "SYNCED");
  });
  afterEach(async () => {
    await rig.close();
    rmSync(filler, { force: true });
    rmSync(dataPlane.folder, { recursive: true, force: true });
  });

  it("serves on what it has, says NACKED(NOT_DURABLE), and takes what it lacks once there is room", async () => {
    fill(0);
    await api.put("listed", { db_host: "moved.example.com" }).expect(200);
    const found = await hasStatus(replica, dataPlane, "NACKED(NOT_DURABLE)");
    expect(found.nack.detail).toMatch(/ENOSPC/);
    // Nothing is served that is not stored.
    expect(dataPlane.directory.find("listed")?.upstream.host).toBe(LISTED.db_host);
    rmSync(filler);
    await hasStatus(replica, dataPlane, "SYNCED");
    expect(dataPlane.directory.find("listed")?.upstream.host).toBe("moved.example.com");
  });

  it("keeps what it has whole on the full disk, and starts from it", async () => {
    fill(0);
    await api.put("listed", { db_host: "moved.example.com" }).expect(200);
    await hasStatus(replica, dataPlane, "NACKED(NOT_DURABLE)");
    await dataPlane.stop();
    await rig.stopReplica(replica);
    replica = await rig.startReplica();
    const again = await rig.startDataPlane({ folder: dataPlane.folder, replica });
    // From the disk, at once.
    expect(again.directory.find("listed")?.upstream.host).toBe(LISTED.db_host);
    expect(
      again.logger.entries.filter(({ level, message }) => level === "error" && /stored/.test(message)),
    ).toEqual([]);
    rmSync(filler);
    await hasStatus(replica, again, "SYNCED");
    expect(again.directory.find("listed")?.upstream.host).toBe("moved.example.com");
  });

  it("takes no snapshot that does not fit, and leaves no half of it on the disk", async () => {
    await dataPlane.stop();
    const ca = await Promise.all(Array.from({ length: 12 }, (_, index) => TestCa.make(`CA ${index}`)));
    const large = {
      upstream_ssl: true,
      upstream_verify: "peer",
      upstream_tls_ca: ca.map(({ cert }) => cert).join(""),
    };
    for (let index = 0; index < 40; index += 1) {
      await api.put(`large-${index}`, { ...LISTED, ...large }).expect(201);
    }
    for (const name of ["state", "journal"]) {
      rmSync(join(dataPlane.folder, "configuration", name), { force: true });
    }
    const room = 64 * 1024;
    fill(room);
    const again = await rig.startDataPlane({ folder: dataPlane.folder });
    await hasStatus(replica, again, "NACKED(NOT_DURABLE)");
    expect(again.directory.find("large-1")).toBeUndefined();
    await eventually("the half is gone", () => {
      const { bavail, bsize } = statfsSync(folder);
      return bavail * bsize > room / 2;
    });
    rmSync(filler);
    await hasStatus(replica, again, "SYNCED");
    await serves(again, "large-39");
  });
});
