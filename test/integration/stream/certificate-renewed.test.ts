import { X509Certificate } from "node:crypto";
import { connect } from "node:tls";
import type { TlsPair } from "@sluice/control-plane/stream/index";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { TestCa } from "../../support/certificates.js";
import { eventually } from "../../support/eventually.js";
import { holds, StreamRig } from "./stream-rig.js";

describe("the stream's certificate", () => {
  let rig: StreamRig;
  let ca: TestCa;

  beforeEach(async () => {
    rig = await StreamRig.open();
    ca = await TestCa.make();
    await rig.stopServer();
  });
  afterEach(() => rig.close());

  const issue = async (): Promise<TlsPair> => {
    const { cert, key } = await ca.issue({ dns: ["localhost"] });
    return { cert: Buffer.from(cert), key: Buffer.from(key) };
  };
  /** To whoever connects now. */
  const shown = (): Promise<string> =>
    new Promise((resolve, reject) => {
      const socket = connect({ port: rig.port, host: "127.0.0.1", rejectUnauthorized: false });
      socket.once("error", reject);
      socket.once("secureConnect", () => {
        const { fingerprint256 } = socket.getPeerCertificate();
        socket.destroy();
        resolve(fingerprint256);
      });
    });
  const fingerprint = ({ cert }: TlsPair): string => new X509Certificate(cert).fingerprint256;

  it("is shown anew once it was renewed, and nobody is cut off; what cannot be used changes nothing", async () => {
    let files: TlsPair = rig.tls;
    await rig.startServer({ certificateIntervalMs: 20 }, { renewedTls: () => files });
    rig.publications.publish({ a: "host" });
    const dataPlane = await rig.startDataPlane();
    await holds(dataPlane, 2n);
    expect(await shown()).toBe(fingerprint(rig.tls));

    const [renewed, other] = [await issue(), await issue()];
    // Half of it is written.
    files = { cert: renewed.cert, key: rig.tls.key };
    await eventually("a complaint", () =>
      rig.controlPlaneLog.entries.some(({ message }) => message.includes("the one before stays")),
    );
    expect(await shown()).toBe(fingerprint(rig.tls));

    files = renewed;
    await eventually("the renewed one", async () => (await shown()) === fingerprint(renewed));
    files = other;
    await eventually("the next one", async () => (await shown()) === fingerprint(other));

    rig.publications.publish({ a: "other-host" });
    await holds(dataPlane, 3n);
    expect(
      dataPlane.logger.entries.filter(({ message }) => message === "not connected to the control plane"),
    ).toEqual([]);
  });
});
