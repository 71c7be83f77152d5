import { decodeJwt } from "jose";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type LeafOptions, TestCa } from "../../support/certificates.js";
import { eventually } from "../../support/eventually.js";
import { holds, REGION, StreamRig } from "./stream-rig.js";

const IDENTITY = `spiffe://fleet.example/sluice/group/metal/region/${REGION}`;

describe("a data plane's certificate", () => {
  let rig: StreamRig;
  let ca: TestCa;

  beforeEach(async () => {
    rig = await StreamRig.open();
    ca = await TestCa.make();
    await rig.stopServer();
    await rig.startServer({}, { clientCa: Buffer.from(ca.cert) });
    rig.publications.publish({ a: "host" });
  });

  afterEach(() => rig.close());

  const certificate = async (options: LeafOptions, from = ca) => {
    const { cert, key } = await from.issue(options);
    return { cert: Buffer.from(cert), key: Buffer.from(key) };
  };
  const refusal = async (options: LeafOptions, from = ca): Promise<string> => {
    const clientCertificate = await certificate(options, from);
    const { subscription, sink } = await rig.startDataPlane({ token: "none", clientCertificate });
    const reason = await eventually("a refusal", () => subscription.status().lastError);
    expect(sink.changes).toEqual([]);
    await subscription.stop();
    return reason;
  };

  it("is a way in without a token: its URI names group and region", async () => {
    const dataPlane = await rig.startDataPlane({
      token: "none",
      clientCertificate: await certificate({ uri: [IDENTITY], dns: ["node-7.example"] }),
    });
    await holds(dataPlane, 2n);
    expect(rig.server.instances()[0]).toMatchObject({ group: "metal", region: REGION });
  });

  it("is refused when another CA signed it, when it has expired, and when it names no data plane, or two", async () => {
    expect(await refusal({ uri: [IDENTITY] }, await TestCa.make("another"))).toMatch(/certificate refused/);
    expect(await refusal({ uri: [IDENTITY], expired: true })).toMatch(/certificate refused: .*EXPIRED/i);
    expect(await refusal({ dns: ["node-7.example"] })).toMatch(/it names 0 data planes/);
    expect(await refusal({ uri: [IDENTITY, IDENTITY.replace(REGION, "there")] })).toMatch(
      /names 2 data planes/,
    );
    expect(await refusal({ uri: ["spiffe://fleet.example/other/group/a/region/b"] })).toMatch(/names 0/);
    expect(await refusal({ dns: [`x, URI:${IDENTITY}, y`] })).toMatch(/cannot be read|names 0/);
  });

  it("gives the region that it names, whatever the data plane believes", async () => {
    const uri = ["spiffe://fleet.example/sluice/group/metal/region/there"];
    const clientCertificate = await certificate({ uri });
    const dataPlane = await rig.startDataPlane({ token: "none", clientCertificate });
    await eventually("a refusal", () => dataPlane.subscription.status().lastError);
    expect(dataPlane.sink.changes).toEqual([]);
    expect(rig.controlPlaneLog.find("data plane connected", { scope: "region:there" })).toBeDefined();
  });

  it("is not asked for where no CA was given, and a token goes on working where one was", async () => {
    await holds(await rig.startDataPlane(), 2n);
    await rig.stopServer();
    await rig.startServer();
    const clientCertificate = await certificate({ uri: [IDENTITY] });
    const { subscription } = await rig.startDataPlane({ token: "none", clientCertificate });
    expect(await eventually("a refusal", () => subscription.status().lastError)).toMatch(/there is none/);
  });
});

describe("a data plane's token", () => {
  let rig: StreamRig;

  beforeEach(async () => {
    rig = await StreamRig.open();
    rig.publications.publish({ a: "host" });
  });

  afterEach(() => rig.close());

  it("is refused when it is blocked, whole or by its jti; another one of the group is not", async () => {
    const tokens = await Promise.all([rig.token(), rig.token(), rig.token()]);
    const [whole = "", byId = "", good = ""] = tokens;
    await rig.stopServer();
    await rig.startServer({}, { blockedTokens: [whole, String(decodeJwt(byId).jti)] });
    for (const token of [whole, byId]) {
      const { subscription } = await rig.startDataPlane({ token });
      expect(await eventually("a refusal", () => subscription.status().lastError)).toMatch(/it is blocked/);
    }
    await holds(await rig.startDataPlane({ token: good }), 2n);
  });
});
