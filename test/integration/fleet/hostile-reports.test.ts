import { randomUUID } from "node:crypto";
import { Code, ConnectError } from "@connectrpc/connect";
import { FleetLedger, type InstanceStatus } from "@sluice/control-plane/fleet/index";
import { makeDataSource, StoredFleet, Vault } from "@sluice/control-plane/persistence/index";
import { makeNodeKey, rawNodePublicKey } from "@sluice/shared/secrets";
import { systemClock } from "@sluice/shared/time";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createDatabase, type Database } from "../../support/database.js";
import { eventually } from "../../support/eventually.js";
import { Api } from "../control-plane/api.js";
import { RecordedLog } from "../control-plane/recorded-log.js";
import { Replica } from "../control-plane/replica.js";
import { StoreProbe } from "../control-plane/store-probe.js";
import { LISTED } from "../control-plane/tenant-bodies.js";
import { FleetRig, hasStatus } from "./fleet-rig.js";

const HOSTILE = "hostile-0000";
const TOO_LARGE = 2n ** 63n;
const ROOT = new Uint8Array(32);
const held = (change: object = {}) => ({ epoch: 1n, generation: 1n, stateRoot: ROOT, ...change });
const status = (change: object) => ({ case: "status", value: { ready: true, ...change } });
const ack = (change: object) => ({ case: "ack", value: { held: held(), ...change } });
const nack = (change: object) => ({ case: "nack", value: { code: "FORK", detail: "x", ...change } });
const result = (change: object) => ack({ results: [{ tenant: "listed", counts: {}, ...change }] });
const ban = (change: object) =>
  status({ bans: [{ tenant: "t", address: "::1", remainingMs: 1n, ...change }] });

/** Each would be refused by Postgres, in the statement that everybody's notes are written with. */
const REPORTS: readonly (readonly [string, object])[] = [
  ["the version of a keyset", status({ keysetVersion: TOO_LARGE })],
  ["the generation that is held", status({ held: held({ generation: TOO_LARGE }) })],
  ["the epoch that is held", status({ held: held({ epoch: TOO_LARGE }) })],
  ["an age, as a number that is no integer any more", status({ freshnessAgeMs: TOO_LARGE - 1n })],
  ["an age", status({ freshnessAgeMs: 2n ** 64n - 1n })],
  ["a NUL in what is in quarantine", status({ quarantined: ["tenant/a\0b"] })],
  ["an id in quarantine that is no id any more", status({ quarantined: ["x".repeat(513)] })],
  ["half a root", status({ held: held({ stateRoot: new Uint8Array(16) }) })],
  ["a NUL in the tenant of a ban", ban({ tenant: "a\0" })],
  ["a NUL in the address of a ban", ban({ address: "\0" })],
  ["a ban to the end of time", ban({ remainingMs: TOO_LARGE })],
  ["the generation of an ack", ack({ held: held({ generation: TOO_LARGE }) })],
  ["a NUL in what an ack has in quarantine", ack({ quarantined: ["tenant/a\0b"] })],
  ["a NUL in the tenant of a result", result({ tenant: "a\0" })],
  ["the tenant of a result that is no name any more", result({ tenant: "x".repeat(513) })],
  ["a NUL in the name of a count", result({ counts: { "a\0": 1n } })],
  ["a count", result({ counts: { clients_terminated: 2n ** 64n - 1n } })],
  [
    "many counts",
    result({ counts: Object.fromEntries(Array.from({ length: 17 }, (_, n) => [`c${n}`, 1n])) }),
  ],
  ["the generation that a nack refuses", nack({ refused: held({ generation: TOO_LARGE }) })],
  ["the generation that is held under a nack", nack({ held: held({ generation: TOO_LARGE }) })],
];
const WATCHES: readonly (readonly [string, object])[] = [
  ["the generation that is held", { held: held({ generation: TOO_LARGE }) }],
  ["the mark", { mark: held({ epoch: TOO_LARGE }) }],
  ["the version of a keyset", { keysetVersion: TOO_LARGE }],
  ["a proof that is no envelope any more", { proof: new Uint8Array(64 * 1024 + 1) }],
  ["the id of a data key", { dataKeyIds: ["k".repeat(129)] }],
];

/** What cannot be stored is refused where it comes in. */
describe("a data plane is told that the control plane does not take", () => {
  let rig: FleetRig;
  let replica: Replica;

  beforeEach(async () => {
    rig = await FleetRig.open();
    replica = await rig.startReplica();
    await new Api(replica).put("listed", LISTED).expect(201);
  });

  afterEach(() => rig.close());

  const refused = (call: Promise<unknown>): Promise<Code | "taken"> =>
    call.then(
      () => "taken",
      (error: unknown) => ConnectError.from(error).code,
    );

  it("values and texts that the database would not, in a report; and the ledger goes on for all", async () => {
    const honest = await rig.startDataPlane();
    await hasStatus(replica, honest, "SYNCED");
    const { calls } = await rig.strangeClient(replica);
    const introduction = {
      instance: HOSTILE,
      publicKey: Uint8Array.from(rawNodePublicKey(makeNodeKey().key)),
      maxSchemaVersion: 1,
    };
    void (async () => {
      for await (const _ of calls.watch(introduction));
    })().catch(() => undefined);
    await eventually("it is connected", () =>
      replica.stream.instances().some(({ instance }) => instance === HOSTILE),
    );
    for (const [what, outcome] of REPORTS) {
      const code = await refused(calls.report({ instance: HOSTILE, outcome: outcome as never }));
      expect([what, code]).toEqual([what, Code.InvalidArgument]);
    }
    // Cut, in the middle of a pair of UTF-16.
    const detail = `${"x".repeat(999)}\u{1f600}`;
    await calls.report({ instance: HOSTILE, outcome: nack({ detail }) as never });
    const order = await new Api(replica).send("post", "/api/tenants/listed/terminate").expect(200);
    expect(order.body.data_planes).toEqual([expect.objectContaining({ counts: { clients_terminated: 2 } })]);
    expect(replica.log.text).not.toContain("cannot be written");
    expect(replica.log.text).not.toContain("cannot be stored");
  });

  it.each(WATCHES)("in a Watch: %s", async (_, change) => {
    const { calls } = await rig.strangeClient(replica);
    const publicKey = Uint8Array.from(rawNodePublicKey(makeNodeKey().key));
    const first = calls.watch({ instance: HOSTILE, publicKey, maxSchemaVersion: 1, ...change });
    expect(await refused(first[Symbol.asyncIterator]().next())).toBe(Code.InvalidArgument);
  });
});

/** Behind the checks: whatever they miss harms one note. */
describe("a note that Postgres does not take", () => {
  let database: Database;
  let replica: Replica;

  beforeEach(async () => {
    database = await createDatabase();
    replica = await Replica.start(database.url);
  });

  afterEach(async () => {
    await replica.stop();
    await database.drop();
  });

  it("is dropped with a line in the log, and those of others are written", async () => {
    const log = new RecordedLog();
    const dataSource = makeDataSource({ url: database.url, poolSize: 2, logger: log });
    await dataSource.initialize();
    const ledger = new FleetLedger({
      store: new StoredFleet(dataSource, new Vault("a-vault-key-that-has-32-bytes-ok"), systemClock),
      controlPlane: randomUUID(),
      clock: systemClock,
      logger: log,
      onAcked: () => undefined,
    });
    const place = { group: "pods", region: "eu", scope: "region:eu", build: "test" };
    const says = async (instance: string, change: Partial<InstanceStatus>): Promise<void> => {
      const publicKey = Uint8Array.from(rawNodePublicKey(makeNodeKey().key));
      const seen = { ...place, instance, publicKey, keysetVersion: 1n, incompatible: false };
      expect(await replica.registry.register(seen)).toBe("registered");
      ledger.status({
        ...place,
        instance,
        keysetVersion: 1n,
        lastSeenAt: new Date(),
        connectedSince: new Date(),
        held: undefined,
        quarantined: [],
        nack: null,
        trouble: null,
        ready: true,
        freshnessAgeMs: null,
        reportedAt: null,
        ...change,
      });
    };
    const did = (instance: string, tenant: string): void => {
      const of = { group: "pods", instance, scope: "region:eu", held: held() };
      ledger.result({ ...of, tenant, counts: {} });
    };
    await says("before", {});
    await says("too-large", { keysetVersion: TOO_LARGE });
    await says("nul-inside", { quarantined: ["a\0b"] });
    did("before", "a\0");
    await says("behind", {});
    await ledger.stop();
    const rows = await new StoreProbe(database.url).rows<{ instance: string }>(
      "SELECT instance FROM sluice.instances WHERE ready ORDER BY instance",
    );
    expect(rows.map(({ instance }) => instance)).toEqual(["before", "behind"]);
    expect(log.lines.filter((line) => line.startsWith("error a note on a data plane"))).toHaveLength(3);
    await dataSource.destroy();
  });
});
