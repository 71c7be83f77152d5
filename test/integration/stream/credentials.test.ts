import { createHmac, generateKeyPairSync, sign } from "node:crypto";
import { join } from "node:path";
import { mintDataPlaneToken } from "@sluice/control-plane/stream/index";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { eventually } from "../../support/eventually.js";
import { holds, REGION, StreamRig } from "./stream-rig.js";

const DAY_MS = 24 * 3_600_000;
const IN_AN_HOUR = Math.floor(Date.now() / 1000) + 3600;

/** A JWT with any content, signed in any way. */
function jwt(
  alg: string,
  claims: Readonly<Record<string, unknown>>,
  signature: (text: Buffer) => Buffer,
): string {
  const part = (content: unknown): string => Buffer.from(JSON.stringify(content)).toString("base64url");
  const text = `${part({ alg, typ: "JWT" })}.${part(claims)}`;
  return `${text}.${signature(Buffer.from(text, "ascii")).toString("base64url")}`;
}

describe("the stream", () => {
  let rig: StreamRig;

  beforeEach(async () => {
    rig = await StreamRig.open();
    rig.publications.publish({ a: "host" });
  });

  afterEach(async () => {
    await rig.close();
  });

  async function refuses(token: string): Promise<string> {
    const { subscription, sink } = await rig.startDataPlane({ token });
    const reason = await eventually("a refusal", () => subscription.status().lastError);
    expect(sink.changes).toEqual([]);
    await subscription.stop();
    return reason;
  }

  it("refuses a token of the REST API", async () => {
    const token = jwt(
      "HS256",
      { role: "anon", aud: "sluice-stream", exp: IN_AN_HOUR, group: "tests", region: REGION },
      (text) => createHmac("sha256", "a secret of the REST API, long enough").update(text).digest(),
    );
    expect(await refuses(token)).toMatch(/refuses this data plane's credential: .*no data-plane token/);
  });

  it("refuses a token of the stream's key that is meant for something else", async () => {
    const token = jwt(
      "EdDSA",
      { aud: "somewhere-else", exp: IN_AN_HOUR, group: "tests", region: REGION },
      (text) => sign(null, text, rig.streamKey),
    );
    expect(await refuses(token)).toMatch(/claim aud/);
  });

  it("refuses a token signed by another key, an expired one, one that never expires, and none", async () => {
    const { privateKey } = generateKeyPairSync("ed25519");
    const claims = { group: "tests", region: REGION, days: 1 };
    expect(await refuses(await mintDataPlaneToken(privateKey, claims, Date.now()))).toMatch(/another key/);
    expect(await refuses(await mintDataPlaneToken(rig.streamKey, claims, Date.now() - 2 * DAY_MS))).toMatch(
      /expired/,
    );
    const endless = jwt("EdDSA", { aud: "sluice-stream", group: "tests", region: REGION }, (text) =>
      sign(null, text, rig.streamKey),
    );
    expect(await refuses(endless)).toMatch(/exp/);
    expect(await refuses("")).toMatch(/refuses this data plane's credential/);
  });

  it("gives the scope of the token, whatever region the data plane believes to be in", async () => {
    const dataPlane = await rig.startDataPlane({ token: await rig.token("elsewhere") });
    await eventually("a refusal", () => dataPlane.subscription.status().lastError);
    expect(dataPlane.sink.changes).toEqual([]);
    expect(rig.controlPlaneLog.find("data plane connected", { scope: "region:elsewhere" })).toBeDefined();
  });

  it("refuses a known instance that comes with a new key, and logs it", async () => {
    const first = await rig.startDataPlane();
    await holds(first, 2n);
    await first.subscription.stop();
    const second = await rig.startDataPlane({
      folder: first.folder,
      nodeKeyPath: join(rig.folder, "another-node-key.pem"),
    });
    const reason = await eventually("a refusal", () => second.subscription.status().lastError);
    expect(reason).toMatch(/another key/);
    expect(
      rig.controlPlaneLog.find("data plane refused: this instance is known with another key"),
    ).toBeDefined();
  });
});
