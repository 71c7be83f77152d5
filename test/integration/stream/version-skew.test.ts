import { createSecureServer, type Http2SecureServer } from "node:http2";
import type { AddressInfo } from "node:net";
import { type ConnectError, createClient } from "@connectrpc/connect";
import { connectNodeAdapter, createConnectTransport, Http2SessionManager } from "@connectrpc/connect-node";
import { makeNodeKey, rawNodePublicKey } from "@sluice/shared/secrets";
import { ConfigService, type ReportRequest } from "@sluice/shared/stream";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { eventually } from "../../support/eventually.js";
import { holds, StreamRig } from "./stream-rig.js";

/** Field 2000, a varint of 1: what a newer control plane knows of a tenant. */
const UNKNOWN_FIELD = Uint8Array.of(0x80, 0x7d, 0x01);

describe("planes of different versions", () => {
  let rig: StreamRig;
  const ends: (() => void)[] = [];

  beforeEach(async () => {
    rig = await StreamRig.open();
    rig.publications.publish({ acme: "db.example" });
  });

  afterEach(async () => {
    for (const end of ends.splice(0)) end();
    await rig.close();
  });

  /** As a data plane of any version may speak. */
  async function client() {
    const session = new Http2SessionManager(`https://127.0.0.1:${rig.port}`, {}, { ca: rig.certificate });
    ends.push(() => session.abort());
    const token = await rig.token();
    const transport = createConnectTransport({
      baseUrl: `https://127.0.0.1:${rig.port}`,
      httpVersion: "2",
      sessionManager: session,
      interceptors: [
        (next) => (request) => {
          request.header.set("authorization", `Bearer ${token}`);
          return next(request);
        },
      ],
    });
    return createClient(ConfigService, transport);
  }
  const introduction = (instance: string) => ({
    instance,
    publicKey: Uint8Array.from(rawNodePublicKey(makeNodeKey().key)),
    build: "0.0.9",
  });

  it("a data plane that is older within the schema, and reports nothing but acks, is served", async () => {
    const { watch, report } = await client();
    const seen: string[] = [];
    for await (const { event } of watch({ ...introduction("older-one-0"), maxSchemaVersion: 1 })) {
      seen.push(String(event.case));
      if (event.case === "chunk") break;
    }
    expect(seen).toEqual(["hello", "keyset", "keyring", "snapshot", "chunk"]);
    // Its stream has ended with the loop: the ack comes late, and harms nobody.
    await report({ instance: "older-one-0", outcome: { case: "ack", value: {} } });
  });

  it.each([
    ["reads older schemas only", { maxSchemaVersion: 0, minSchemaVersion: 0 }, /upgrade the data plane/],
    ["reads newer schemas only", { maxSchemaVersion: 9, minSchemaVersion: 8 }, /upgrade the control plane/],
  ])("a data plane that %s is told INCOMPATIBLE before anything is sent", async (_, reads, advice) => {
    const { watch } = await client();
    const seen: unknown[] = [];
    const reading = (async () => {
      for await (const { event } of watch({ ...introduction("skewed-one-0"), ...reads }))
        seen.push(event.case);
    })();
    const refusal = await reading.then(
      () => undefined,
      (error: ConnectError) => error.rawMessage,
    );
    expect(refusal).toMatch(/^INCOMPATIBLE: /);
    expect(refusal).toMatch(advice);
    expect(seen).toEqual([]);
  });

  it("a data plane that is newer within the schema is served", async () => {
    const { watch } = await client();
    for await (const { event } of watch({
      ...introduction("newer-one-0"),
      maxSchemaVersion: 2,
      minSchemaVersion: 1,
    })) {
      if (event.case === "hello") expect(event.value.schemaVersion).toBe(1);
      if (event.case === "chunk") break;
    }
  });

  it("fields that a newer control plane signs are passed over, and kept as they are", async () => {
    rig.publications.publish({ acme: "newer.example" }, { appended: UNKNOWN_FIELD });
    const dataPlane = await rig.startDataPlane();
    await holds(dataPlane, 3n);
    expect(dataPlane.sink.all).toEqual({ "tenant/acme": "newer.example" });
    await dataPlane.subscription.stop();
    // From disk, where the root is that of the bytes as they came.
    const again = await rig.startDataPlane({ folder: dataPlane.folder });
    await holds(again, 3n);
  });

  it("a data plane goes away from a control plane whose schema it does not read, in front of anything else", async () => {
    let reported = 0;
    const server: Http2SecureServer = createSecureServer(
      rig.tls,
      connectNodeAdapter({
        routes: (router) =>
          router.service(ConfigService, {
            async *watch() {
              yield { event: { case: "hello" as const, value: { controlPlane: "newer", schemaVersion: 2 } } };
              yield { event: { case: "keyset" as const, value: Uint8Array.of(1) } };
            },
            report(_: ReportRequest) {
              reported += 1;
              return {};
            },
          }),
      }),
    );
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    ends.push(() => server.close());
    const dataPlane = await rig.startDataPlane({ port: (server.address() as AddressInfo).port });
    const reason = await eventually("a reason", () => dataPlane.subscription.status().lastError);
    expect(reason).toMatch(/INCOMPATIBLE: the control plane publishes schema 2, this build reads 1 to 1/);
    expect(dataPlane.logger.find("configuration refused")).toBeUndefined();
    expect(reported).toBe(0);
  });
});
