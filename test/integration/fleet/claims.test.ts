import { randomBytes } from "node:crypto";
import { Code } from "@connectrpc/connect";
import { makeNodeKey, rawNodePublicKey } from "@sluice/shared/secrets";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { eventually } from "../../support/eventually.js";
import { Api } from "../control-plane/api.js";
import type { Replica } from "../control-plane/replica.js";
import { StoreProbe } from "../control-plane/store-probe.js";
import { LISTED } from "../control-plane/tenant-bodies.js";
import { FleetRig, hasStatus, type RigDataPlane, serves } from "./fleet-rig.js";

const ATTACKER = "attacker-0000";
const SCOPE = "region:eu";
const PATIENT = { timeoutMs: 20_000 };
/** Far beyond anything that was ever published. */
const NONSENSE = { epoch: 7n, generation: 999_999n, stateRoot: Uint8Array.from(randomBytes(32)) };

/** Whoever has stolen one credential of a region, and nothing else, against everybody else of the region. */
describe("a data plane that says what is not so", () => {
  let rig: FleetRig;
  let replica: Replica;
  let api: Api;
  let honest: RigDataPlane;
  let written = 0;

  beforeEach(async () => {
    rig = await FleetRig.open();
    replica = await rig.startReplica();
    api = new Api(replica);
    await api.put("listed", LISTED).expect(201);
    honest = await rig.startDataPlane();
    await hasStatus(replica, honest, "SYNCED");
  });

  afterEach(() => rig.close());

  /** The region goes on: changes reach everybody else, and whoever comes new. */
  const regionIsOpen = async (): Promise<void> => {
    const rows = await new StoreProbe(rig.database.url).rows(
      "SELECT scope, ahead_reporter FROM sluice.scopes WHERE ahead_epoch IS NOT NULL",
    );
    expect(rows).toEqual([]);
    written += 1;
    await api.put(`written-${written}`, LISTED).expect(201);
    await serves(honest, `written-${written}`);
    const fresh = await rig.startDataPlane();
    await serves(fresh, `written-${written}`);
    await fresh.stop();
    await hasStatus(replica, honest, "SYNCED");
  };
  const attackerHas = (status: string) =>
    eventually(
      `the attacker has ${status}`,
      async () => {
        const { body } = await api.get(`/api/fleet/instances/pods/${ATTACKER}`);
        return body.data?.status === status;
      },
      PATIENT,
    );
  const introduction = {
    instance: ATTACKER,
    publicKey: Uint8Array.from(rawNodePublicKey(makeNodeKey().key)),
    build: "attacker",
    maxSchemaVersion: 1,
  };
  /** Opens a stream, and reads it in the background. */
  const watch = async (request: object) => {
    const { calls } = await rig.strangeClient(replica);
    const seen: string[] = [];
    void (async () => {
      for await (const { event } of calls.watch({ ...introduction, ...request }))
        seen.push(String(event.case));
    })().catch(() => undefined);
    const report = (outcome: object) => calls.report({ instance: ATTACKER, outcome: outcome as never });
    return { seen, report };
  };
  const heldBy = async () => {
    const { publisher } = replica;
    const [state] = await new StoreProbe(rig.database.url).rows<{
      epoch: string;
      generation: string;
      state_root: Buffer;
    }>("SELECT epoch, generation, state_root FROM sluice.published_states ORDER BY generation DESC LIMIT 1");
    if (state === undefined) throw new Error("nothing is published");
    return {
      heartbeat: await publisher.signHeartbeat(SCOPE),
      held: {
        epoch: BigInt(state.epoch),
        generation: BigInt(state.generation),
        stateRoot: Uint8Array.from(state.state_root),
      },
    };
  };

  it("holds up nobody but itself: a generation that nobody has signed, as what it holds or as its mark", async () => {
    const { seen } = await watch({ held: NONSENSE });
    await attackerHas("AHEAD");
    await eventually("it is told that nothing more comes", () => seen.includes("heartbeat"), PATIENT);
    expect(seen).not.toContain("snapshot");
    await regionIsOpen();
    await watch({ mark: NONSENSE });
    await regionIsOpen();
    expect(replica.log.text).toContain("regionIsClosed");
  });

  it("holds up nobody by signatures that say something else", async () => {
    const { heartbeat, held } = await heldBy();
    const elsewhere = await rig.startDataPlane({ region: "us" });
    await serves(elsewhere, "listed");
    const foreign = await replica.publisher.signHeartbeat("region:us");
    const flipped = Uint8Array.from(heartbeat);
    flipped[flipped.length - 1] = (flipped.at(-1) ?? 0) ^ 1;
    const claims = [
      { held: { ...held, generation: held.generation + 1n }, proof: heartbeat },
      { held: { ...held, epoch: held.epoch + 1n }, proof: heartbeat },
      { held: { ...held, stateRoot: NONSENSE.stateRoot }, proof: heartbeat },
      { held: NONSENSE, proof: flipped },
      { held: NONSENSE, proof: foreign },
      { held: NONSENSE, proof: replica.publisher.keysetEnvelope() },
      { held: NONSENSE, proof: Uint8Array.from(randomBytes(100)) },
      { held: NONSENSE, proof: new Uint8Array(70 * 1024) },
    ];
    for (const claim of claims) {
      const since = await replica.publisher.since(SCOPE, { ...claim, name: "pods/attacker" });
      expect(since).toMatchObject({ kind: "ahead", proven: false });
    }
    await watch({ held: NONSENSE, proof: foreign });
    await regionIsOpen();
  });

  it("holds up nobody by what it reports later: acks, nacks and reports of what nobody has signed", async () => {
    const { report } = await watch({});
    await attackerHas("BEHIND");
    await report({ case: "ack", value: { held: NONSENSE } });
    await regionIsOpen();
    await report({ case: "nack", value: { code: "FORK", detail: "x", held: NONSENSE, refused: NONSENSE } });
    await regionIsOpen();
    await report({ case: "status", value: { ready: true, held: NONSENSE } });
    await regionIsOpen();
  });

  it("leaves nothing behind by what it answers to states that nobody has published", async () => {
    const { report } = await watch({});
    await attackerHas("BEHIND");
    const { held } = await heldBy();
    const unpublished = [
      NONSENSE,
      { ...held, generation: held.generation + 1n },
      { ...held, generation: 2n ** 62n },
      { ...held, epoch: held.epoch + 1n },
      { ...held, stateRoot: NONSENSE.stateRoot },
    ];
    const results = [{ tenant: "listed", counts: {} }];
    for (const other of unpublished) {
      await report({ case: "ack", value: { held: other, results } });
      await report({ case: "nack", value: { code: "FORK", held, refused: other } });
    }
    const nobodys = [...results, { tenant: "no-tenant", counts: {} }];
    await report({ case: "ack", value: { held, results: nobodys } });
    const probe = new StoreProbe(rig.database.url);
    const rowsOf = (table: string, columns: string) =>
      probe.rows(`SELECT ${columns} FROM sluice.${table} WHERE instance = '${ATTACKER}'`);
    const generation = String(held.generation);
    await eventually("the good ack is written", async () => (await rowsOf("acks", "1")).length > 0, PATIENT);
    expect(await rowsOf("acks", "generation, nack_code")).toEqual([{ generation, nack_code: null }]);
    expect(await rowsOf("order_results", "tenant, generation")).toEqual([{ tenant: "listed", generation }]);
  });

  it("is forgotten with what was written down before, for generations to come", async () => {
    const { report } = await watch({});
    await attackerHas("BEHIND");
    await report({ case: "ack", value: { held: (await heldBy()).held } });
    const probe = new StoreProbe(rig.database.url);
    const acks = () => probe.rows(`SELECT generation FROM sluice.acks WHERE instance = '${ATTACKER}'`);
    await eventually("its ack", async () => (await acks()).length === 1, PATIENT);
    await probe.rows(
      `INSERT INTO sluice.acks (generation, group_name, instance, epoch, at)
       VALUES (999999, 'pods', '${ATTACKER}', 1, now())`,
    );
    await probe.rows(
      `INSERT INTO sluice.order_results VALUES ('listed', 999999, 'pods', '${ATTACKER}', '{}')`,
    );
    await replica.forgetting.run();
    expect(await acks()).toHaveLength(1);
    expect(await probe.rows("SELECT 1 FROM sluice.order_results WHERE generation = 999999")).toEqual([]);
  });

  it("is not heard for others, who share its group or even its token: not acks, not nacks, not reports", async () => {
    const token = await rig.token("pods", "eu");
    const sharing = await rig.startDataPlane({ token });
    await hasStatus(replica, sharing, "SYNCED");
    const connections = sharing.logger.count("connected to the control plane");
    const instance = await sharing.instance();
    const { held } = await heldBy();
    const outcomes = [
      { case: "ack", value: { held: NONSENSE } },
      { case: "nack", value: { code: "FORK", detail: "x" } },
      { case: "status", value: { ready: false } },
    ];
    const keys = [new Uint8Array(0), new Uint8Array(32)];
    for (const client of [
      await rig.strangeClient(replica),
      await rig.strangeClient(replica, "pods", "eu", token),
    ]) {
      for (const reportKey of keys) {
        for (const outcome of outcomes) {
          const told = client.calls.report({ instance, reportKey, outcome: outcome as never });
          await expect(told).rejects.toMatchObject({ code: Code.PermissionDenied });
        }
      }
    }
    await regionIsOpen();
    await hasStatus(replica, sharing, "SYNCED");
    expect(sharing.logger.count("connected to the control plane")).toBe(connections);
    expect(sharing.logger.count("report not delivered")).toBe(0);
    expect(sharing.subscription.status().generation).toBeGreaterThan(held.generation);
  });

  it("is heard for itself where it is older, and knows of no key for its reports: by its own credential", async () => {
    const { report } = await watch({});
    await attackerHas("BEHIND");
    await report({ case: "status", value: { ready: true } });
    const other = await rig.strangeClient(replica);
    const told = other.calls.report({
      instance: ATTACKER,
      outcome: { case: "status", value: { ready: true } },
    });
    await expect(told).rejects.toMatchObject({ code: Code.PermissionDenied });
  });
});
