import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { eventually } from "../../support/eventually.js";
import { Api } from "../control-plane/api.js";
import { METRICS_SECRET, type Replica } from "../control-plane/replica.js";
import { LISTED } from "../control-plane/tenant-bodies.js";
import { makeToken } from "../control-plane/tokens.js";
import { FleetRig, hasStatus, type RigDataPlane, serves, shown } from "./fleet-rig.js";

describe("the fleet", () => {
  let rig: FleetRig;
  let first: Replica;
  let second: Replica;
  let api: Api;
  let eu: RigDataPlane;
  let us: RigDataPlane;

  const metrics = async (path = "/metrics", replica = first): Promise<string> => {
    const token = await makeToken({}, { secret: METRICS_SECRET });
    const answer = await new Api(replica).stranger().get(path).set("authorization", `Bearer ${token}`);
    expect(answer.status).toBe(200);
    return answer.text;
  };

  beforeAll(async () => {
    rig = await FleetRig.open();
    first = await rig.startReplica();
    second = await rig.startReplica();
    api = new Api(first);
    eu = await rig.startDataPlane({ region: "eu", replica: first });
    us = await rig.startDataPlane({ region: "us", replica: second });
    await api.put("listed", LISTED).expect(201);
    await serves(eu, "listed");
    await serves(us, "listed");
  });

  afterAll(() => rig.close());

  it("is listed, the same by every replica: region, build, keyset, what is held, and that it is in step", async () => {
    await hasStatus(first, eu, "SYNCED");
    await hasStatus(first, us, "SYNCED");
    for (const replica of [first, second]) {
      const { body } = await new Api(replica).get("/api/fleet").expect(200);
      expect(body.data).toHaveLength(2);
      const inEurope = body.data.find((found: { region: string }) => found.region === "eu");
      expect(inEurope).toMatchObject({
        group: "pods",
        instance: await eu.instance(),
        status: "SYNCED",
        build: "test",
        ready: true,
        keyset_version: 1,
        lag: { generations: 0, behind_since: null },
        quarantined: [],
        nack: null,
        waiting_key_fingerprint: null,
        revoked_at: null,
      });
      expect(inEurope.acked.generation).toBe(Number(eu.subscription.status().generation));
      expect(inEurope.acked.state_root).toMatch(/^[0-9a-f]{64}$/);
      expect(Date.parse(inEurope.connected_since)).toBeLessThanOrEqual(Date.now());
    }
    const filtered = await api.get("/api/fleet?region=us").expect(200);
    expect(filtered.body.data.map(({ region }: { region: string }) => region)).toEqual(["us"]);
    const page = await api.get("/api/fleet?limit=1").expect(200);
    const rest = await api.get(`/api/fleet?limit=1&cursor=${page.body.next_cursor}`).expect(200);
    expect(rest.body.next_cursor).toBeNull();
    expect(rest.body.data[0].instance > page.body.data[0].instance).toBe(true);
    await api.get("/api/fleet?cursor=x").expect(422);
    await api.get("/api/fleet/instances/pods/nobody-00").expect(404);
  });

  it("says how far a generation has come, and how long that took", async () => {
    const { body } = await api.send("post", "/api/tenants/listed/terminate").expect(200);
    const progress = await eventually("both have it", async () => {
      const { data } = (await new Api(second).get(`/api/fleet/generations/${body.generation}`).expect(200))
        .body;
      return data.acked === 2 ? data : undefined;
    });
    expect(progress).toMatchObject({
      generation: body.generation,
      regions: ["eu", "us"],
      nacked: 0,
      pending: 0,
      pending_at: [],
    });
    expect(progress.commit_to_ack_ms.p50).toBeGreaterThanOrEqual(0);
    expect(progress.commit_to_ack_ms.p99).toBeGreaterThanOrEqual(progress.commit_to_ack_ms.p50);
    expect(progress.commit_to_ack_ms.p99).toBeLessThan(5000);
    await api.get("/api/fleet/generations/999999").expect(404);
    await api.get("/api/fleet/generations/x").expect(422);
  });

  it("a generation concerns the regions that it changed", async () => {
    await api.put("american", { ...LISTED, regions: ["us"] }).expect(201);
    await serves(us, "american");
    const { body } = await api.get("/api/audit?tenant=american").expect(200);
    const { generation } = body.data[0];
    const { data } = (await api.get(`/api/fleet/generations/${generation}`).expect(200)).body;
    expect(data).toMatchObject({ regions: ["us"], nacked: 0 });
    expect(data.acked + data.pending).toBe(1);
    expect(eu.directory.find("american")).toBeUndefined();
  });

  it("commits, nacks and streams are in the metrics", async () => {
    const ageInEurope = /sluice_data_plane_freshness_age_seconds\{.*region="eu"\} [\d.]+/;
    const instance = await us.instance();
    const inStep = `sluice_data_plane_status{group="pods",instance="${instance}",region="us",status="SYNCED"} 1`;
    const text = await eventually(
      "an ack in the histogram, and of the last change",
      async () => {
        const found = await metrics();
        const acked = Number(/sluice_commit_to_ack_seconds_count (\d+)/.exec(found)?.[1]) > 0;
        return acked && found.includes(inStep) && ageInEurope.test(found) ? found : undefined;
      },
      { timeoutMs: 30_000 },
    );
    expect(text).toMatch(/^sluice_streams 1$/m);
    expect(text).toMatch(
      new RegExp(`sluice_data_plane_generation_held{group="pods",instance="${instance}",region="us"} \\d+`),
    );
  });

  it("what a data plane reports of a tenant is served with its region and instance, by every replica", async () => {
    const labels = { tenant: "listed", user: 'al"ice', region: "elsewhere" };
    eu.status = {
      ready: true,
      bans: [],
      metrics: {
        labelSets: [{}, labels, { tenant: "other" }],
        families: [
          {
            name: "sluice_queries",
            help: "Queries.",
            type: "counter",
            samples: [
              { suffix: "", labelSet: 1, value: 7 },
              { suffix: "", labelSet: 2, value: 9 },
            ],
          },
          {
            name: "sluice_clients",
            help: "Clients.",
            type: "gauge",
            samples: [{ suffix: "", labelSet: 0, value: 3 }],
          },
          {
            name: "sluice_tenants",
            help: "Known.",
            type: "gauge",
            samples: [{ suffix: "", labelSet: 0, value: 5 }],
          },
        ],
      },
    };
    const instance = await eu.instance();
    const expected = `sluice_queries{group="pods",instance="${instance}",region="eu",tenant="listed",user="al\\"ice"} 7`;
    const text = await eventually("the series", async () => {
      const found = await metrics("/metrics/listed", second);
      return found.includes("sluice_queries") ? found : undefined;
    });
    expect(text).toBe(`# HELP sluice_queries Queries.\n# TYPE sluice_queries counter\n${expected}\n# EOF\n`);
    expect(await metrics("/metrics/nobody")).toBe("# EOF\n");
    const whole = await metrics();
    expect(whole).toContain(`sluice_clients{group="pods",instance="${instance}",region="eu"} 3`);
    expect(whole).not.toContain("sluice_queries");
    // The control plane has one of this name itself.
    expect(whole).toContain(`sluice_data_plane_tenants{group="pods",instance="${instance}",region="eu"} 5`);
    expect(whole.match(/^# TYPE sluice_tenants /gm)).toHaveLength(1);
  });

  it("bans that data planes report are shown, and lifted by order", async () => {
    us.status = {
      ...us.status,
      bans: [
        { tenant: "listed", address: "192.0.2.9", remainingMs: 60_000 },
        { tenant: "listed", address: "2001:db8:1:2::/64", remainingMs: 90_000 },
        { tenant: "other", address: "192.0.2.10", remainingMs: 60_000 },
      ],
    };
    const bans = await eventually("the bans", async () => {
      const { body } = await api.get("/api/tenants/listed/network_bans").expect(200);
      return body.banned_ipv4_addresses.length > 0 ? body.banned_ipv4_addresses : undefined;
    });
    expect(bans.map(({ banned_address: address }: { banned_address: string }) => address)).toEqual([
      "192.0.2.9",
      "2001:db8:1:2::/64",
    ]);
    const inSeconds = bans[0].banned_until - Date.now() / 1000;
    expect(inSeconds).toBeGreaterThan(40);
    expect(inSeconds).toBeLessThan(62);
    const left = await api
      .send("delete", "/api/tenants/listed/network_bans", { ipv4_addresses: ["2001:db8:1:2::/64"] })
      .expect(200);
    expect(left.body.banned_ipv4_addresses).toHaveLength(1);
    const order = us.directory.find("listed")?.orders.clearedBans.get("2001:db8:1:2::/64");
    expect(order).toBeGreaterThan(0);
  });

  it("is remembered over a restart of the control plane; one that vanished shows OFFLINE with last seen", async () => {
    const gone = await rig.startDataPlane({ region: "eu", replica: second });
    await hasStatus(first, gone, "SYNCED");
    await gone.stop();
    await hasStatus(first, gone, "OFFLINE");
    const restarted = await rig.startReplica();
    const found = await shown(restarted, gone);
    expect(found).toMatchObject({ status: "OFFLINE", connected_since: null, build: "test" });
    expect(Date.now() - Date.parse(found.last_seen)).toBeLessThan(60_000);
    await rig.stopReplica(restarted);
    await api.send("delete", `/api/fleet/instances/pods/${await gone.instance()}`).expect(204);
    expect(await shown(first, gone)).toBeUndefined();
    await api.send("delete", `/api/fleet/instances/pods/${await eu.instance()}`).expect(409);
    const { body } = await api.get("/api/audit").expect(200);
    const actions = body.data.map(({ action }: { action: string }) => action);
    expect(actions).toContain("instance.forgotten");
    expect(actions).toContain("instance.first-seen");
  });

  it("asks for the scope of the fleet", async () => {
    const token = await makeToken({ scopes: ["tenants:read", "tenants:write"] });
    const reader = await makeToken({ scopes: ["fleet:read"] });
    const get = (path: string, bearer: string) =>
      api.stranger().get(path).set("authorization", `Bearer ${bearer}`);
    await get("/api/fleet", token).expect(403);
    await get("/api/fleet", reader).expect(200);
    const path = `/api/fleet/instances/pods/${await eu.instance()}/revoke`;
    const refused = await api.stranger().post(path).set("authorization", `Bearer ${reader}`);
    expect([refused.status, refused.body.error]).toEqual([403, expect.stringContaining("fleet:write")]);
  });
});
