import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { eventually } from "../../support/eventually.js";
import { holds, refuses, StreamRig } from "./stream-rig.js";

describe("a data plane", () => {
  let rig: StreamRig;

  beforeEach(async () => {
    rig = await StreamRig.open();
    rig.publications.publish({ a: "one", b: "two" });
  });

  afterEach(async () => {
    await rig.close();
  });

  it("is given what is published, with the data key, and each change as it comes; it acks each", async () => {
    const { publications, controlPlaneLog } = rig;
    const dataPlane = await rig.startDataPlane();
    await holds(dataPlane, 2n);
    const [first] = dataPlane.sink.changes;
    const key = first?.dataKeys.get(publications.dataKey.id);
    expect(key !== undefined && Buffer.compare(key, publications.dataKey.key)).toBe(0);
    await holds(dataPlane, publications.publish({ a: "one", b: "changed" }));
    const last = dataPlane.sink.changes.at(-1);
    expect([...(last?.upsert.keys() ?? [])]).toEqual(["tenant/b"]);
    expect(dataPlane.sink.all).toEqual({ "tenant/a": "one", "tenant/b": "changed" });
    await eventually("two acks", () => controlPlaneLog.count("generation acked") === 2);
    expect(controlPlaneLog.entries.filter(({ message }) => message === "data plane connected")).toHaveLength(
      1,
    );
  });

  it("takes a state of many chunks", async () => {
    const many = Object.fromEntries(
      Array.from({ length: 3000 }, (_, index) => [`tenant_${index}`, `${"host".repeat(40)}${index}`]),
    );
    const dataPlane = await rig.startDataPlane();
    await holds(dataPlane, rig.publications.publish(many));
    expect(dataPlane.sink.hosts.size).toBe(3000);
  });

  it("serves from disk after a restart, with no control plane there", async () => {
    const before = await rig.startDataPlane();
    await holds(before, 2n);
    await before.subscription.stop();
    await rig.stopServer();
    const after = await rig.startDataPlane({ folder: before.folder });
    expect(after.sink.all).toEqual({ "tenant/a": "one", "tenant/b": "two" });
    expect(after.sink.changes[0]?.dataKeys.get(rig.publications.dataKey.id)).toBeDefined();
    const status = after.subscription.status();
    expect(status.generation).toBe(2n);
    expect(status.connected).toBe(false);
  });

  it("keeps serving while the control plane is away, and catches up when it is back", async () => {
    const dataPlane = await rig.startDataPlane();
    await holds(dataPlane, 2n);
    await rig.stopServer();
    await eventually("the end of the stream", () => !dataPlane.subscription.status().connected);
    expect(dataPlane.sink.all).toEqual({ "tenant/a": "one", "tenant/b": "two" });
    const generation = rig.publications.publish({ a: "three", b: "two" });
    await rig.startServer();
    await holds(dataPlane, generation);
    expect(dataPlane.sink.all).toEqual({ "tenant/a": "three", "tenant/b": "two" });
  });

  it("does not serve a state on disk that was altered by one bit, and takes nothing older in its place", async () => {
    const before = await rig.startDataPlane();
    await holds(before, 2n);
    await before.subscription.stop();
    await rig.stopServer();
    const path = join(before.folder, "configuration", "state");
    const bytes = await readFile(path);
    const middle = bytes.length >> 1;
    bytes[middle] = (bytes[middle] ?? 0) ^ 1;
    await writeFile(path, bytes);
    const after = await rig.startDataPlane({ folder: before.folder });
    expect(after.sink.changes).toEqual([]);
    expect(
      after.logger.entries.some(
        ({ level, message }) => level === "error" && message.includes("cannot be used"),
      ),
    ).toBe(true);
    rig.publications.forge({ generation: 1n });
    await rig.startServer();
    await refuses(after, "OLDER");
    expect(after.sink.changes).toEqual([]);
    rig.publications.forge(undefined);
    await holds(after, rig.publications.publish({ a: "again" }));
    expect(after.sink.all).toEqual({ "tenant/a": "again" });
  });

  it("keeps its state when the control plane was restored from an old backup, which says so", async () => {
    const { publications, controlPlaneLog } = rig;
    const dataPlane = await rig.startDataPlane();
    await holds(dataPlane, 2n);
    await rig.stopServer();
    publications.forget();
    await rig.startServer();
    await eventually(
      "an error in the control plane's log",
      () =>
        controlPlaneLog.find(
          "a data plane holds a state that this history does not know; it is sent nothing",
        ),
      { timeoutMs: 20_000 },
    );
    expect(dataPlane.subscription.status().generation).toBe(2n);
    expect(dataPlane.sink.all).toEqual({ "tenant/a": "one", "tenant/b": "two" });
  });

  it("leaves nothing behind at the control plane when it goes", async () => {
    const dataPlane = await rig.startDataPlane();
    await holds(dataPlane, 2n);
    expect(rig.publications.subscribers).toBe(1);
    await dataPlane.subscription.stop();
    await eventually("no subscriber", () => rig.publications.subscribers === 0);
    expect(rig.controlPlaneLog.find("data plane disconnected")).toBeDefined();
  });
});
