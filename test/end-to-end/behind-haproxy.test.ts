import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { prepareCredentials } from "@sluice/local/credentials";
import { type Fleet, startFleet } from "@sluice/local/fleet";
import { dataPlaneEnvironment } from "@sluice/local/plane-environment";
import { PlaneProcess } from "@sluice/local/plane-process";
import { dataPlaneMain } from "@sluice/local/workspace";
import { freePort } from "@sluice/shared/postgres";
import { afterAll, beforeAll, describe, expect, inject, it } from "vitest";
import { TestCa } from "../support/certificates.js";
import { eventually } from "../support/eventually.js";
import { HaProxy } from "../support/haproxy.js";
import { cancelRequest, errorFields, query } from "../support/protocol.js";
import { RawClient } from "../support/raw-client.js";
import { putTenant } from "../support/tenant-api.js";
import { missing } from "../support/tools.js";

const STOP_TIMEOUT_MS = 10_000;
/** Where clients come from, as only the PROXY header can tell. */
const CLIENTS = "127.0.0.88";

/** Two data planes of two workers each, as processes, that take clients from HAProxy only. */
describe.skipIf(missing("haproxy"))("two data planes behind HAProxy (needs haproxy)", () => {
  const postgres = inject("postgres");
  const folder = mkdtempSync(join(tmpdir(), "sluice-behind-haproxy-"));
  let fleet: Fleet;
  let second: PlaneProcess;
  let balancer: HaProxy;

  beforeAll(async () => {
    const ports = [await freePort(), await freePort()] as const;
    const ca = await TestCa.make();
    const { cert, key } = await ca.issue({ dns: ["pooler.test"] });
    const file = (name: string, text: string): string => {
      writeFileSync(join(folder, name), text);
      return join(folder, name);
    };
    const tls = {
      GLOBAL_DOWNSTREAM_CERT_PATH: file("cert.pem", cert),
      GLOBAL_DOWNSTREAM_KEY_PATH: file("key.pem", key),
      CANCEL_PEERS_CA_PATH: file("ca.pem", ca.cert),
      CANCEL_PEERS_SERVER_NAME: "pooler.test",
    };
    const settings = (own: number, other: number) => ({
      ...tls,
      DATA_PLANE_WORKERS: "2",
      PROXY_PORT_TRANSACTION: String(own),
      PROXY_PROTOCOL: "required",
      TRUSTED_LB_RANGES: "127.0.0.1/32",
      CANCEL_PEERS: `127.0.0.1:${other}`,
    });
    fleet = await startFleet({ postgres, dataPlaneEnvironment: settings(ports[0], ports[1]) });
    second = await PlaneProcess.start({
      name: "second",
      main: dataPlaneMain,
      environment: {
        LOG_FORMAT: "json",
        ...dataPlaneEnvironment(
          await prepareCredentials(join(fleet.folder, "credentials")),
          { transaction: ports[1], session: 0, operations: 0 },
          fleet.controlPlane.ports.stream,
          join(fleet.folder, "second"),
        ),
        ...settings(ports[1], ports[0]),
      },
      onLine: () => undefined,
    });
    const user = { db_user: postgres.user, db_password: postgres.password, pool_size: 50, is_manager: true };
    const tenant = {
      db_host: "127.0.0.1",
      db_port: postgres.port,
      db_database: "postgres",
      require_user: true,
      allow_list: [`${CLIENTS}/32`],
      users: [user],
    };
    expect((await putTenant(fleet, "balanced", tenant)).status).toBe(201);
    balancer = await HaProxy.start({ servers: ports, sendProxy: 2, probes: true });
    // Both have it: by turns.
    for (let i = 0; i < 4; i++) {
      await eventually(
        "a login",
        async () => {
          (await logIn()).client.close();
          return true;
        },
        { timeoutMs: 15_000 },
      );
    }
  });
  afterAll(async () => {
    await balancer?.stop();
    await second?.stop(STOP_TIMEOUT_MS);
    await fleet?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  const connect = (): Promise<RawClient> => RawClient.connect(balancer.port, "127.0.0.1", CLIENTS);
  const logIn = async () => {
    const client = await connect();
    try {
      return {
        client,
        key: await client.logIn({ user: `${postgres.user}.balanced`, database: "postgres" }, postgres),
      };
    } catch (error) {
      client.close();
      throw error;
    }
  };
  const running = async (): Promise<number> => {
    const watcher = await RawClient.connect(postgres.port);
    await watcher.logIn({ user: postgres.user, database: "postgres" }, postgres);
    const rows = await watcher.query(
      "select 1 from pg_stat_activity where query = 'select pg_sleep(63)' and state = 'active'",
    );
    watcher.close();
    return rows.length;
  };

  it("stop a hundred of a hundred queries by their cancel requests, each its own", async () => {
    const planes = new Set<number>();
    const workers = new Set<number>();
    for (let round = 0; round < 2; round++) {
      const clients = await Promise.all(Array.from({ length: 50 }, logIn));
      for (const { client, key } of clients) {
        planes.add(key.pid >>> 21);
        workers.add(key.pid >>> 15);
        client.send(query("select pg_sleep(63)"));
      }
      await eventually("all run", async () => (await running()) === 50, { timeoutMs: 20_000 });
      for (const [at, { client, key }] of clients.entries()) {
        const cancel = await connect();
        cancel.send(cancelRequest(key.pid, key.secret));
        await cancel.rest();
        cancel.close();
        let code: string | undefined;
        for (let got = await client.message(); got.type !== "Z"; got = await client.message())
          if (got.type === "E") code = errorFields(got.body)["C"];
        expect([at, code]).toEqual([at, "57014"]);
        // Nobody else's ended with it.
        if (at % 10 === 0) expect(await running()).toBe(49 - at);
      }
      for (const { client } of clients) client.close();
    }
    expect(planes.size).toBe(2);
    expect(workers.size).toBe(4);
  });
});
