import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Fleet, startFleet } from "@sluice/local/fleet";
import { afterAll, beforeAll, describe, expect, inject, it } from "vitest";
import { TestCa } from "../support/certificates.js";
import { eventually } from "../support/eventually.js";
import { callApi, connectTo, putTenant, served } from "../support/tenant-api.js";

const PATIENT = { timeoutMs: 60_000, everyMs: 100 };

interface Listed {
  readonly group: string;
  readonly region: string;
  readonly status: string;
}

describe("a data plane that comes with a client certificate, as processes", { timeout: 180_000 }, () => {
  const { host, port, user, password } = inject("postgres");
  const folder = mkdtempSync(join(tmpdir(), "sluice-mtls-"));
  const at = (name: string): string => join(folder, name);
  let ca: TestCa;
  let fleet: Fleet;

  const giveCertificate = async (group: string, from: TestCa): Promise<void> => {
    const uri = [`spiffe://fleet.example/sluice/group/${group}/region/local`];
    const { cert, key } = await from.issue({ uri });
    writeFileSync(at("node.key"), key, { mode: 0o600 });
    writeFileSync(at("node.crt"), cert);
  };
  const listed = async (): Promise<readonly Listed[]> => {
    const answer = (await (await callApi(fleet, "GET", "/api/fleet")).json()) as { readonly data: Listed[] };
    return answer.data;
  };
  const isThere = (group: string): Promise<unknown> =>
    eventually(
      `${group} is there`,
      async () => (await listed()).some((each) => each.group === group && each.status === "SYNCED"),
      PATIENT,
    );

  beforeAll(async () => {
    ca = await TestCa.make("Fleet");
    writeFileSync(at("ca.crt"), ca.cert);
    await giveCertificate("metal", ca);
    fleet = await startFleet({
      postgres: { host, port, user, password },
      controlPlaneEnvironment: { STREAM_CLIENT_CA_PATH: at("ca.crt") },
      dataPlaneEnvironment: {
        CONTROL_PLANE_CLIENT_CERT_PATH: at("node.crt"),
        CONTROL_PLANE_CLIENT_KEY_PATH: at("node.key"),
        // No token: the certificate is the credential.
        DATA_PLANE_TOKEN_PATH: at("no-such-token"),
      },
    });
  });
  afterAll(async () => {
    await fleet?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  it("is given the region that the certificate names, and serves", async () => {
    const answer = await putTenant(fleet, "by_certificate", {
      ...{ db_host: host, db_port: port, db_database: "postgres", require_user: true },
      users: [{ db_user: user, db_password: password, pool_size: 2 }],
    });
    expect(answer.status).toBe(201);
    await served(fleet, "by_certificate", { user, password });
    await isThere("metal");
    expect(await listed()).toEqual([expect.objectContaining({ group: "metal", region: "local" })]);
  });

  it("comes with the renewed one after the next connection, without a restart", async () => {
    await giveCertificate("renewed", ca);
    await fleet.controlPlane.kill();
    await fleet.controlPlane.start();
    await isThere("renewed");
  });

  it("is refused with one that another CA has signed, says so, and serves on", async () => {
    await giveCertificate("stranger", await TestCa.make("Another"));
    await fleet.controlPlane.kill();
    await fleet.controlPlane.start();
    await eventually(
      "it is refused",
      () => /refuses this data plane's credential: [^"]*certificate/.test(fleet.logs()),
      PATIENT,
    );
    const client = await connectTo(fleet, "by_certificate", { user, password });
    expect((await client.query("SELECT 1 AS one")).rows).toEqual([{ one: 1 }]);
    await client.end();
    expect((await listed()).some(({ group }) => group === "stranger")).toBe(false);
  });
});
