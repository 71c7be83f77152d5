import { type Fleet, startFleet } from "@sluice/local/fleet";
import pg from "pg";
import { afterAll, beforeAll, describe, expect, inject, it } from "vitest";
import { eventually } from "../support/eventually.js";
import { GUIDE_TOKEN } from "../support/tenant-api.js";

describe("a fleet of one control plane and one data plane", () => {
  const postgres = inject("postgres");
  let fleet: Fleet;

  beforeAll(async () => {
    fleet = await startFleet({ postgres });
  });
  afterAll(async () => {
    await fleet?.stop();
  });

  const request = (method: string, body?: unknown): Promise<Response> =>
    fetch(`${fleet.controlPlane.url}/api/tenants/dev_tenant`, {
      method,
      headers: { authorization: `Bearer ${GUIDE_TOKEN}`, "content-type": "application/json" },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
  const connect = async (
    port: number,
    password = postgres.password,
    user = "postgres.dev_tenant",
  ): Promise<pg.Client> => {
    const client = new pg.Client({ host: "127.0.0.1", port, user, password, database: "postgres" });
    client.on("error", () => undefined);
    await client.connect();
    return client;
  };

  it("takes the guide's tenant and serves it in both modes within a second", async () => {
    const answer = await request("PUT", {
      tenant: {
        db_host: "localhost",
        db_port: postgres.port,
        db_database: "postgres",
        ip_version: "auto",
        enforce_ssl: false,
        require_user: false,
        auth_query: "SELECT rolname, rolpassword FROM pg_authid WHERE rolname=$1;",
        users: [
          {
            db_user: "postgres",
            db_password: postgres.password,
            pool_size: 20,
            mode_type: "transaction",
            is_manager: true,
          },
        ],
      },
    });
    expect(answer.status).toBe(201);
    expect(await answer.text()).not.toContain(`"db_password":`);
    for (const port of [fleet.dataPlane.ports.transaction, fleet.dataPlane.ports.session]) {
      const client = await eventually("a login", () => connect(port).catch(() => undefined), {
        timeoutMs: 1000,
      });
      const { rows } = await client.query("select $1::int + 1 as two", [1]);
      expect(rows).toEqual([{ two: 2 }]);
      await client.end();
    }
  });

  it("refuses a wrong password and an unknown tenant with their SQLSTATE", async () => {
    const { transaction } = fleet.dataPlane.ports;
    await expect(connect(transaction, "wrong")).rejects.toMatchObject({ code: "28P01" });
    await expect(connect(transaction, "x", "postgres.nobody")).rejects.toMatchObject({ code: "28000" });
  });

  it("gives every one of 50 clients on 20 servers its own rows", async () => {
    const clients = await Promise.all(
      Array.from({ length: 50 }, () => connect(fleet.dataPlane.ports.transaction)),
    );
    await Promise.all(
      clients.map(async (client, index) => {
        for (let round = 0; round < 20; round++) {
          const { rows } = await client.query("select $1::int as client, $2::int as round", [index, round]);
          expect(rows).toEqual([{ client: index, round }]);
        }
      }),
    );
    await Promise.all(clients.map((client) => client.end()));
  });

  it("serves logins with the control plane gone, and after a restart from disk", async () => {
    await fleet.controlPlane.stop();
    const before = await connect(fleet.dataPlane.ports.transaction);
    await before.query("select 1");
    await before.end();
    await fleet.dataPlane.stop();
    await fleet.dataPlane.start();
    const after = await connect(fleet.dataPlane.ports.transaction);
    await after.query("select 1");
    await after.end();
    await fleet.controlPlane.start();
  });

  it("ends the sessions of a deleted tenant and refuses new ones", async () => {
    const client = await connect(fleet.dataPlane.ports.transaction);
    const ended = new Promise<{ code?: string }>((resolve) => client.once("error", resolve));
    expect((await request("DELETE")).status).toBe(204);
    expect((await ended).code).toBe("57P01");
    await expect(connect(fleet.dataPlane.ports.transaction)).rejects.toMatchObject({ code: "28000" });
  });
});
