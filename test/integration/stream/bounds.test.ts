import { readFile } from "node:fs/promises";
import { type ClientHttp2Session, connect } from "node:http2";
import { join } from "node:path";
import { create, toBinary } from "@bufbuild/protobuf";
import { makeCertificate } from "@sluice/local/certificates";
import { makeNodeKey, rawNodePublicKey } from "@sluice/shared/secrets";
import { WatchRequestSchema } from "@sluice/shared/stream";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { eventually } from "../../support/eventually.js";
import { holds, StreamRig } from "./stream-rig.js";

const WATCH = "/sluice.stream.v1.ConfigService/Watch";

/** Some MB of tenants. */
function large(megabytes: number): Record<string, string> {
  return Object.fromEntries(
    Array.from({ length: megabytes * 100 }, (_, index) => [`t${index}`, "h".repeat(10_000)]),
  );
}

describe("the stream within its bounds", () => {
  let rig: StreamRig;
  const sessions: ClientHttp2Session[] = [];

  beforeEach(async () => {
    rig = await StreamRig.open();
  });

  afterEach(async () => {
    for (const session of sessions.splice(0)) session.destroy();
    await rig.close();
  });

  function rawSession(): ClientHttp2Session {
    const session = connect(`https://127.0.0.1:${rig.port}`, { ca: rig.certificate });
    session.on("error", () => undefined);
    sessions.push(session);
    return session;
  }

  /** A Watch by hand, whose answer nobody reads. */
  async function watchWithoutReading(instance: string): Promise<void> {
    const message = toBinary(
      WatchRequestSchema,
      create(WatchRequestSchema, {
        instance,
        publicKey: Uint8Array.from(rawNodePublicKey(makeNodeKey().key)),
        maxSchemaVersion: 1,
      }),
    );
    const head = Buffer.alloc(5);
    head.writeUInt32BE(message.length, 1);
    const stream = rawSession().request({
      ":method": "POST",
      ":path": WATCH,
      "content-type": "application/connect+proto",
      "connect-protocol-version": "1",
      authorization: `Bearer ${await rig.token()}`,
    });
    stream.on("error", () => undefined);
    stream.end(Buffer.concat([head, message]));
  }

  it("gives up a control plane that is silent for three heartbeats, and comes back", async () => {
    const dataPlane = await rig.startDataPlane({ heartbeatIntervalMs: 100 });
    await eventually("the watchdog has ended the connection", () =>
      dataPlane.logger.entries.some(
        ({ message, fields }) =>
          message === "not connected to the control plane" &&
          fields["reason"] === "the control plane has been silent for 300 ms",
      ),
    );
    const before = dataPlane.logger.count("connected to the control plane");
    await eventually(
      "another connection",
      () => dataPlane.logger.count("connected to the control plane") > before,
    );
  });

  it("keeps a connection whose heartbeats come", async () => {
    await rig.stopServer();
    await rig.startServer({ heartbeatIntervalMs: 20 });
    const dataPlane = await rig.startDataPlane({ heartbeatIntervalMs: 200 });
    await holds(dataPlane, 1n);
    const start = performance.now();
    await eventually("longer than the watchdog waits", () => performance.now() - start > 1000);
    expect(dataPlane.subscription.status().freshnessAgeMs).toBeLessThan(600);
    expect(dataPlane.logger.count("not connected to the control plane")).toBe(0);
  });

  it("is refused by a data plane that does not know its CA, which says what to look at", async () => {
    const files = { certPath: join(rig.folder, "other.crt"), keyPath: join(rig.folder, "other.key") };
    await makeCertificate("another", files);
    const dataPlane = await rig.startDataPlane({ ca: await readFile(files.certPath) });
    await eventually("a reason", () =>
      dataPlane.subscription
        .status()
        .lastError?.includes("certificate is not trusted (CONTROL_PLANE_CA_PATH"),
    );
    expect(dataPlane.subscription.status().connected).toBe(false);
    expect(rig.server.instances()).toEqual([]);
  });

  it("drops a data plane that does not read, and nobody else", async () => {
    await rig.stopServer();
    await rig.startServer({ slowReaderMs: 300 });
    rig.publications.publish(large(4));
    await watchWithoutReading("slow-reader-instance");
    const other = await rig.startDataPlane();
    await holds(other, 2n);
    await eventually("it is dropped", () =>
      rig.controlPlaneLog.find("a data plane reads too slowly and is dropped", {
        instance: "slow-reader-instance",
      }),
    );
    await eventually("and gone", () => rig.publications.subscribers === 1);
    expect(other.subscription.status().connected).toBe(true);
  });

  it("sends snapshots a few at a time, to all in the end", async () => {
    await rig.stopServer();
    await rig.startServer({ snapshots: 1 });
    rig.publications.publish(large(1));
    const dataPlanes = await Promise.all(Array.from({ length: 5 }, () => rig.startDataPlane()));
    for (const dataPlane of dataPlanes) await holds(dataPlane, 2n);
  });

  it("does not let one that does not read keep the others from their snapshots", async () => {
    await rig.stopServer();
    await rig.startServer({ snapshots: 1, slowReaderMs: 300 });
    rig.publications.publish(large(4));
    await watchWithoutReading("slow-reader-instance");
    await eventually("it is connected", () => rig.server.instances().length === 1);
    const other = await rig.startDataPlane();
    await holds(other, 2n);
  });

  it("takes no more streams than its cap, and says so", async () => {
    await rig.stopServer();
    await rig.startServer({ streams: 1 });
    const first = await rig.startDataPlane();
    await holds(first, 1n);
    const second = await rig.startDataPlane();
    await eventually("the refusal is told", () =>
      second.subscription.status().lastError?.includes("it has 1 streams, and takes no more"),
    );
    await first.subscription.stop();
    await holds(second, 1n);
  });

  it("survives requests whose authority, path or body is nonsense", async () => {
    let ended = 0;
    for (const headers of [
      // HTTP/2 lets them pass, and no URL can be made of them.
      { ":authority": "localhost:99999", ":path": WATCH },
      { ":authority": "a[b", ":path": WATCH },
      { ":authority": "%%%", ":path": WATCH },
      { ":authority": "a b", ":path": WATCH },
      { ":authority": "localhost", ":path": "//[" },
      { ":authority": "localhost", ":path": WATCH, "content-type": "application/connect+proto" },
      { ":authority": "localhost", ":path": WATCH, "content-type": "text/plain" },
    ]) {
      const stream = rawSession().request({ ":method": "POST", ...headers });
      stream.on("error", () => undefined);
      stream.on("close", () => {
        ended += 1;
      });
      stream.resume();
      stream.end(Buffer.from([255, 255, 255, 255, 255, 1, 2, 3]));
    }
    await eventually("all are answered or reset", () => ended === 7);
    await holds(await rig.startDataPlane(), 1n);
  });

  it("sends its data planes on before it ends, in time", async () => {
    const dataPlane = await rig.startDataPlane();
    await holds(dataPlane, 1n);
    const start = performance.now();
    await rig.stopServer();
    expect(performance.now() - start).toBeLessThan(2000);
    await eventually("the drain has arrived", () =>
      dataPlane.logger.find("the control plane has sent this data plane on"),
    );
    await rig.startServer();
    rig.publications.publish({ acme: "later.example" });
    await holds(dataPlane, 2n);
  });

  it("ends a stream at the end of its life, and the data plane comes again", async () => {
    await rig.stopServer();
    await rig.startServer({ streamLifeMs: 200 });
    const dataPlane = await rig.startDataPlane();
    await eventually("a second life", () => dataPlane.logger.count("connected to the control plane") > 1);
    expect(dataPlane.logger.count("not connected to the control plane")).toBe(0);
  });

  it("knows each data plane that is connected: what it acked, and what it nacked", async () => {
    const dataPlane = await rig.startDataPlane();
    await holds(dataPlane, 1n);
    const only = () => rig.server.instances()[0];
    await eventually("the ack", () => only()?.held?.generation === 1n);
    expect(only()).toMatchObject({
      group: "tests",
      region: "here",
      scope: "region:here",
      build: "test",
      trouble: null,
      nack: null,
    });
    await eventually("its report", () => only()?.ready === true);
    rig.publications.forge({ scope: "region:there" });
    rig.publications.publish({ acme: "forged.example" });
    await eventually("the nack", () => only()?.nack?.code === "WRONG_SCOPE");
    expect(only()).toMatchObject({ nack: { refused: { generation: 2n } }, held: { generation: 1n } });
    await dataPlane.subscription.stop();
    await eventually("it is gone", () => only() === undefined);
  });
});
