import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { makeCertificate } from "@sluice/local/certificates";
import { afterAll, beforeAll, describe, expect, inject, it } from "vitest";
import { eventually } from "../../support/eventually.js";
import { NetworkNamespace } from "../../support/network-namespace.js";
import { TcpBalancer } from "../../support/tcp-balancer.js";
import { RegionalFleet } from "./regional-fleet.js";

const PATIENT = { timeoutMs: 45_000, everyMs: 100 };
const LOST_PERCENT = 1;
const ONE_WAY_MS = 50;
const LEAST_CHANGES = 10;

const reason = await NetworkNamespace.missing();
const why = reason === undefined ? "" : ` (skipped: ${reason})`;

describe.skipIf(reason !== undefined)(
  `a fleet whose data planes are 100 ms away, over a link that loses one packet in a hundred${why}`,
  { timeout: 120_000 },
  () => {
    const server = inject("postgres");
    const closing: (() => unknown)[] = [];
    let namespace: NetworkNamespace;
    let fleet: RegionalFleet;
    let database: TcpBalancer;

    beforeAll(async () => {
      const folder = mkdtempSync(join(tmpdir(), "sluice-lossy-"));
      closing.push(() => rmSync(folder, { recursive: true, force: true }));
      namespace = await NetworkNamespace.make();
      closing.push(() => namespace.remove());
      const certificate = { certPath: join(folder, "stream.crt"), keyPath: join(folder, "stream.key") };
      await makeCertificate("sluice stream", certificate, [], [namespace.far.here]);
      // Databases are near the data planes, and clients are, too.
      database = await TcpBalancer.start(() => [server.port], namespace.near.here);
      closing.push(() => database.stop());
      fleet = await RegionalFleet.start({
        startedBy: namespace.startedBy,
        host: namespace.near.there,
        controlPlaneHost: namespace.far.here,
        certificate,
      });
      closing.push(() => fleet.stop());
      const isLate = await namespace.lose(LOST_PERCENT, ONE_WAY_MS);
      if (!isLate) fleet.balancer.over({ delayMs: ONE_WAY_MS, stallShare: 0, stallMs: 0 });
    }, 150_000);
    afterAll(async () => {
      for (const step of closing.reverse()) await step();
    });

    const tenant = (more: Readonly<Record<string, unknown>> = {}) => ({
      db_host: namespace.near.here,
      db_port: database.port,
      db_database: "postgres",
      require_user: true,
      regions: ["east"],
      users: [{ db_user: "postgres", db_password: server.password, pool_size: 2 }],
      ...more,
    });
    const serves = (name: string, id: string): Promise<boolean> => {
      const plane = fleet.dataPlanes.find((each) => each.name === name);
      if (plane === undefined) throw new Error(`there is no ${name}`);
      return fleet.login(plane, id, server.password).then(
        (one) => one === 1,
        () => false,
      );
    };
    const allSynced = (): Promise<unknown> =>
      eventually(
        "all are SYNCED",
        async () => {
          const rows = await fleet.fleet(fleet.controlPlanes[0]);
          return String(rows.map(({ status }) => status)) === "SYNCED,SYNCED,SYNCED";
        },
        PATIENT,
      );

    it("serves a new tenant in its region only, and takes every change though packets of them are lost", async () => {
      const [first, second] = fleet.controlPlanes;
      await fleet.putTenant(first, "far-away", tenant());
      await eventually("it is served", () => serves("east-1", "far-away"), PATIENT);
      expect(await serves("west-1", "far-away")).toBe(false);
      for (let index = 0; index < LEAST_CHANGES || (await namespace.lost()) === 0; index += 1) {
        await fleet.putTenant(second, "far-away", tenant({ default_max_clients: 100 + index }));
        await allSynced();
      }
      expect(await namespace.lost()).toBeGreaterThan(0);
    });

    it("serves on without control planes, from disk too, and is led on once they are back", async () => {
      for (const plane of fleet.controlPlanes) await plane.kill();
      const east = fleet.dataPlanes.find(({ name }) => name === "east-1");
      await east?.kill();
      await east?.start();
      await eventually("it is served", () => serves("east-1", "far-away"), PATIENT);
      await Promise.all(fleet.controlPlanes.map((plane) => plane.start()));
      await fleet.putTenant(fleet.controlPlanes[1], "later", tenant());
      await eventually("it is served", () => serves("east-1", "later"), PATIENT);
      await allSynced();
    });
  },
);
