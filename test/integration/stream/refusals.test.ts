import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { eventually } from "../../support/eventually.js";
import { TcpBalancer } from "../../support/tcp-balancer.js";
import { type Forgery, makeSigningKey } from "./memory-publications.js";
import { holds, refuses, StreamRig, UNUSABLE_HOST } from "./stream-rig.js";

function flip(bytes: Uint8Array, bit: number): Uint8Array {
  const altered = Uint8Array.from(bytes);
  altered[bit >> 3] = (altered[bit >> 3] ?? 0) ^ (1 << (bit & 7));
  return altered;
}

describe("a data plane", () => {
  let rig: StreamRig;

  beforeEach(async () => {
    rig = await StreamRig.open();
  });

  afterEach(async () => {
    await rig.close();
  });

  const forgeries: readonly (readonly [what: string, forgery: Forgery, code: string])[] = [
    [
      "a snapshot whose signed content is altered by one bit",
      { envelope: (bytes) => flip(bytes, (bytes.length >> 1) * 8) },
      "SIGNATURE",
    ],
    [
      "a snapshot whose signature is altered by one bit",
      { envelope: (bytes) => flip(bytes, bytes.length * 8 - 1) },
      "SIGNATURE",
    ],
    ["a chunk that is altered by one bit", { chunk: (bytes) => flip(bytes, 100) }, "CHUNK"],
    ["a snapshot signed by another key", { signer: makeSigningKey().signer }, "SIGNATURE"],
    [
      "a snapshot signed by another key in the trusted key's name",
      { signer: makeSigningKey().signer },
      "SIGNATURE",
    ],
    ["a snapshot of another scope", { scope: "region:elsewhere" }, "WRONG_SCOPE"],
    ["a snapshot older than the one held", { generation: 2n }, "OLDER"],
    ["another state with the generation held", { generation: 3n }, "FORK"],
  ];

  it.each(
    forgeries,
  )("refuses %s, says so, goes on, and takes the next good one", async (what, forgery, code) => {
    const { publications, controlPlaneLog } = rig;
    publications.publish({ a: "oldest" });
    publications.publish({ a: "held" });
    const dataPlane = await rig.startDataPlane();
    await holds(dataPlane, 3n);
    const changes = dataPlane.sink.changes.length;

    publications.forge({
      ...forgery,
      ...(what.includes("in the trusted key's name") && forgery.signer !== undefined
        ? { signer: { ...forgery.signer, keyId: publications.config.signer.keyId } }
        : {}),
    });
    if (code === "FORK") publications.rewrite({ a: "another" });
    else publications.publish({ a: "forged" });
    publications.tell();
    await refuses(dataPlane, code);
    await eventually("a nack at the control plane", () =>
      controlPlaneLog.find("configuration nacked", { nack: code }),
    );
    expect(dataPlane.sink.all).toEqual({ "tenant/a": "held" });
    expect(dataPlane.sink.changes).toHaveLength(changes);
    expect(dataPlane.subscription.status().generation).toBe(3n);

    publications.forge(undefined);
    await holds(dataPlane, publications.publish({ a: "good" }));
    expect(dataPlane.sink.all).toEqual({ "tenant/a": "good" });
  });

  it("refuses a snapshot that drops most tenants, unless it is marked as wanted", async () => {
    const { publications } = rig;
    const many = Object.fromEntries(Array.from({ length: 40 }, (_, index) => [`t${index}`, "host"]));
    publications.publish(many);
    const dataPlane = await rig.startDataPlane();
    await holds(dataPlane, 2n);
    publications.publish({ t0: "host" });
    await refuses(dataPlane, "MASS_REMOVAL");
    expect(dataPlane.sink.hosts.size).toBe(40);
    publications.forge({ allowMassRemoval: true });
    await holds(dataPlane, publications.publish({ t0: "host" }));
    publications.forge(undefined);
    expect(dataPlane.sink.all).toEqual({ "tenant/t0": "host" });
  });

  it("stays, with its reason, when what follows on a state that it refuses is on the way already", async () => {
    const { publications, controlPlaneLog } = rig;
    const balancer = await TcpBalancer.start(() => [rig.port]);
    balancer.over({ delayMs: 150, stallShare: 0, stallMs: 0 });
    const many = Object.fromEntries(Array.from({ length: 40 }, (_, index) => [`t${index}`, "host"]));
    publications.publish(many);
    const dataPlane = await rig.startDataPlane({ port: balancer.port });
    await holds(dataPlane, 2n);
    publications.publish({ t0: "host" });
    await refuses(dataPlane, "MASS_REMOVAL");
    // The control plane does not know it yet.
    publications.publish({ t0: "host", t1: "host" });
    await eventually(
      "nacks of both",
      () => controlPlaneLog.entries.filter(({ message }) => message === "configuration nacked").length === 2,
    );
    const nacks = controlPlaneLog.entries.filter(({ message }) => message === "configuration nacked");
    expect(nacks.map(({ fields }) => fields["nack"])).toEqual(["MASS_REMOVAL", "MASS_REMOVAL"]);
    await holds(dataPlane, publications.publish({ ...many, t40: "host" }));
    expect(dataPlane.logger.count("connected to the control plane")).toBe(1);
    await balancer.stop();
  });

  it("keeps the last good content of a record that cannot be used, also after a restart, and takes the others", async () => {
    const { publications, controlPlaneLog } = rig;
    publications.publish({ a: "good", b: "first" });
    const before = await rig.startDataPlane();
    await holds(before, 2n);
    await holds(before, publications.publish({ a: UNUSABLE_HOST, b: "second" }));
    expect(before.sink.all).toEqual({ "tenant/a": "good", "tenant/b": "second" });
    expect(before.subscription.status().quarantined).toEqual(["tenant/a"]);
    await eventually("the ack", () =>
      controlPlaneLog.entries.some(({ message, fields }) => {
        const { quarantined } = fields;
        return (
          message.startsWith("generation acked") &&
          Array.isArray(quarantined) &&
          quarantined.includes("tenant/a")
        );
      }),
    );
    await before.subscription.stop();
    await rig.stopServer();
    const after = await rig.startDataPlane({ folder: before.folder });
    expect(after.sink.all).toEqual({ "tenant/a": "good", "tenant/b": "second" });
    expect(after.subscription.status().quarantined).toEqual(["tenant/a"]);
    await rig.startServer();
    await holds(after, publications.publish({ a: "better", b: "second" }));
    expect(after.sink.all).toEqual({ "tenant/a": "better", "tenant/b": "second" });
    expect(after.subscription.status().quarantined).toEqual([]);
  });
});
