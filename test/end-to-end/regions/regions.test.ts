import pg from "pg";
import { afterAll, beforeAll, describe, expect, inject, it } from "vitest";
import { Api } from "../../integration/control-plane/api.js";
import { Replica } from "../../integration/control-plane/replica.js";
import { StoreProbe } from "../../integration/control-plane/store-probe.js";
import { eventually } from "../../support/eventually.js";
import { ShiftedClock } from "../../support/shifted-clock.js";
import { type Plane, RegionalFleet } from "./regional-fleet.js";

const PATIENT = { timeoutMs: 45_000, everyMs: 100 };

describe("three data planes in two regions, and two control planes", { timeout: 180_000 }, () => {
  const server = inject("postgres");
  let fleet: RegionalFleet;

  beforeAll(async () => {
    fleet = await RegionalFleet.start();
  });
  afterAll(() => fleet?.stop());

  const tenant = (regions: readonly string[] | null, more: Readonly<Record<string, unknown>> = {}) => ({
    db_host: "127.0.0.1",
    db_port: server.port,
    db_database: "postgres",
    require_user: true,
    regions,
    users: [{ db_user: "postgres", db_password: server.password, pool_size: 2 }],
    ...more,
  });
  const serves = (plane: Plane, id: string): Promise<boolean> =>
    fleet.login(plane, id, server.password).then(
      (one) => one === 1,
      () => false,
    );
  const servedBy = async (id: string, names: readonly string[]): Promise<void> => {
    for (const plane of fleet.dataPlanes) {
      const wanted = names.includes(plane.name);
      await eventually(
        `${id} is ${wanted ? "" : "not "}served by ${plane.name}`,
        async () => (await serves(plane, id)) === wanted,
        PATIENT,
      );
    }
  };
  const statuses = async (): Promise<string[]> => {
    const running = fleet.controlPlanes.find((plane) => plane.running);
    return running === undefined ? [] : (await fleet.fleet(running)).map(({ status }) => status);
  };
  const allSynced = (): Promise<unknown> =>
    eventually("all are SYNCED", async () => String(await statuses()) === "SYNCED,SYNCED,SYNCED", PATIENT);
  /** Each state of a scope once, each delta from the one before. */
  const chain = async (): Promise<void> => {
    const rows = await new StoreProbe(fleet.database.url).rows<{
      from_generation: string | null;
      before: string | null;
    }>(
      `SELECT d.from_generation, lag(p.generation) OVER (PARTITION BY p.scope, p.epoch ORDER BY p.generation) AS before
       FROM sluice.published_states p LEFT JOIN sluice.deltas d USING (scope, epoch, generation)`,
    );
    expect(rows.length).toBeGreaterThan(2);
    for (const { from_generation, before } of rows) expect(from_generation).toBe(before);
  };

  /** 35 s after the last sign of the control plane that was killed with the streams open; by a clock that is later. */
  const showOfflineLater = async (): Promise<void> => {
    const clock = new ShiftedClock();
    const view = await Replica.start(fleet.database.url, { clock });
    try {
      const seen = async (): Promise<{ readonly status: string; readonly last_seen: string }[]> =>
        (await new Api(view).get("/api/fleet").expect(200)).body.data;
      const lastSeen = (await seen()).map(({ last_seen }) => Date.parse(last_seen));
      expect(lastSeen).toHaveLength(3);
      // With some room: this test takes a while to look.
      clock.laterByMs = Math.min(...lastSeen) + 20_000 - Date.now();
      expect((await seen()).map(({ status }) => status)).not.toContain("OFFLINE");
      clock.laterByMs = Math.max(...lastSeen) + 35_000 - Date.now();
      expect(await seen()).toEqual(
        lastSeen.map((at) =>
          expect.objectContaining({ status: "OFFLINE", last_seen: new Date(at).toISOString() }),
        ),
      );
    } finally {
      await view.stop();
    }
  };

  it("serve a tenant in its regions only, within seconds of curl, and elsewhere once it has moved", async () => {
    const [first, second] = fleet.controlPlanes;
    const west = fleet.dataPlanes[0];
    if (west === undefined) throw new Error("no data plane");
    const startMs = performance.now();
    await fleet.putTenant(first, "everywhere", tenant(null));
    await eventually("it is served", () => serves(west, "everywhere"), { timeoutMs: 5000 });
    expect(performance.now() - startMs).toBeLessThan(5000);
    await servedBy("everywhere", ["west-1", "west-2", "east-1"]);
    // Through the control plane that has no stream: heard by the other one.
    await fleet.putTenant(second, "mover", tenant(["west"]));
    await servedBy("mover", ["west-1", "west-2"]);
    await fleet.putTenant(second, "mover", tenant(["east"]));
    await servedBy("mover", ["east-1"]);
    await allSynced();
    await chain();
  });

  it("lose nothing when a control plane is killed with kill -9 in the middle of publishing", async () => {
    const [first, second] = fleet.controlPlanes;
    const store = new pg.Client({ connectionString: fleet.database.url });
    await store.connect();
    try {
      // Whoever publishes now waits for this table, with its state written and the publisher's lock held.
      await store.query("BEGIN");
      await store.query("LOCK TABLE sluice.deltas IN ACCESS EXCLUSIVE MODE");
      await fleet.putTenant(first, "in-between", tenant(null));
      await eventually(
        "somebody is in the middle of publishing",
        async () => {
          // By a connection of its own: a transaction sees one picture of the others' activity.
          const rows = await new StoreProbe(fleet.database.url).rows(
            "SELECT 1 FROM pg_stat_activity WHERE query LIKE 'INSERT INTO sluice.deltas%' AND wait_event_type = 'Lock'",
          );
          return rows.length > 0;
        },
        PATIENT,
      );
      await first.kill();
      await store.query("COMMIT");
    } finally {
      await store.end();
    }
    await servedBy("in-between", ["west-1", "west-2", "east-1"]);
    await chain();
    await fleet.putTenant(second, "after-it", tenant(null));
    await servedBy("after-it", ["west-1", "west-2", "east-1"]);
    await first.start();
    await allSynced();
    await chain();
  });

  it("serve on with all control planes killed, new logins too, and after kill -9 from disk", async () => {
    for (const plane of fleet.controlPlanes) await plane.kill();
    await showOfflineLater();
    await servedBy("everywhere", ["west-1", "west-2", "east-1"]);
    const [west] = fleet.dataPlanes;
    await west?.kill();
    await west?.start();
    await servedBy("everywhere", ["west-1", "west-2", "east-1"]);
    await servedBy("mover", ["east-1"]);
  });

  it("are sent nothing by a database that was restored, also past their generation, until the epoch is raised", async () => {
    const [first, second] = fleet.controlPlanes;
    // All control planes are dead: a dump is made, and life goes on behind it.
    const dump = await fleet.copyDatabase();
    for (const plane of fleet.controlPlanes) await plane.start();
    await fleet.putTenant(first, "behind-the-dump", tenant(null));
    await servedBy("behind-the-dump", ["west-1", "west-2", "east-1"]);
    const generations = await Promise.all(
      fleet.dataPlanes.map(async (plane) => (await fleet.readiness(plane)).generation),
    );
    for (const plane of fleet.controlPlanes) await plane.stop();
    fleet.useDatabase(dump);
    for (const plane of fleet.controlPlanes) await plane.start();
    const store = new StoreProbe(dump.url);
    await eventually(
      "every data plane is AHEAD",
      async () => String(await statuses()) === "AHEAD,AHEAD,AHEAD",
      PATIENT,
    );
    const published = await store.rows(
      "SELECT scope, epoch, generation FROM sluice.published_states ORDER BY 1, 2, 3",
    );
    const fleetGeneration = Math.max(...generations.map(Number));
    for (let index = 0; (await store.generation()) <= fleetGeneration + 2; index += 1) {
      await fleet.putTenant(second, `written-to-the-dump-${index}`, tenant(null));
    }
    // A look of each replica's poll, and then some.
    const [row] = await store.rows<{ now: string }>("SELECT now() AS now");
    await eventually(
      "two polls have gone by",
      async () => {
        const [later] = await store.rows<{ gone: boolean }>(
          "SELECT now() > $1::timestamptz + interval '3 s' AS gone",
          [row?.now],
        );
        return later?.gone === true;
      },
      PATIENT,
    );
    expect(
      await store.rows("SELECT scope, epoch, generation FROM sluice.published_states ORDER BY 1, 2, 3"),
    ).toEqual(published);
    expect(String(await statuses())).toBe("AHEAD,AHEAD,AHEAD");
    for (const [index, plane] of fleet.dataPlanes.entries()) {
      expect((await fleet.readiness(plane)).generation).toBe(generations[index]);
    }
    await servedBy("behind-the-dump", ["west-1", "west-2", "east-1"]);
    await servedBy("written-to-the-dump-0", []);
    expect(first.log + second.log).toContain("AHEAD: a data plane holds what the history does not know");

    await fleet.raiseEpoch(2);
    await servedBy("written-to-the-dump-0", ["west-1", "west-2", "east-1"]);
    await servedBy("behind-the-dump", []);
    await servedBy("everywhere", ["west-1", "west-2", "east-1"]);
    await allSynced();
    expect((await fleet.fleet(first)).map(({ acked }) => acked?.epoch)).toEqual([2, 2, 2]);
    await fleet.putTenant(second, "after-all", tenant(["west"]));
    await servedBy("after-all", ["west-1", "west-2"]);
    await chain();
  });

  it("do the same over a slow link that stalls: 100 ms there and back, a piece in a hundred 300 ms late", async () => {
    const [first] = fleet.controlPlanes;
    fleet.balancer.over({ delayMs: 50, stallShare: 0.01, stallMs: 300 });
    await fleet.putTenant(first, "far-away", tenant(["east"]));
    await servedBy("far-away", ["east-1"]);
    for (let index = 0; index < 10; index += 1) {
      await fleet.putTenant(first, "far-away", tenant(["east"], { default_max_clients: 100 + index }));
    }
    await allSynced();
    await chain();
    fleet.balancer.over(undefined);
  });
});
