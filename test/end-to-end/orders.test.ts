import { type Fleet, startFleet } from "@sluice/local/fleet";
import type pg from "pg";
import { afterAll, beforeAll, describe, expect, inject, it } from "vitest";
import { CutProxy } from "../support/cut-proxy.js";
import { eventually } from "../support/eventually.js";
import { callApi, connectTo, endOf, putTenant, served } from "../support/tenant-api.js";

interface Answer {
  readonly result: "ok" | "outstanding";
  readonly data_planes: readonly {
    readonly instance: string;
    readonly counts: Readonly<Record<string, number>>;
  }[];
  readonly outstanding: readonly string[];
}

describe("orders, as a data plane acts on them", () => {
  const postgres = inject("postgres");
  const login = { password: postgres.password };
  const tenant = {
    db_host: "127.0.0.1",
    db_port: postgres.port,
    db_database: "postgres",
    require_user: false,
    auth_query: "SELECT rolname, rolpassword FROM pg_authid WHERE rolname=$1",
    users: [{ db_user: postgres.user, db_password: postgres.password, pool_size: 5, is_manager: true }],
  };
  let fleet: Fleet;
  let link: CutProxy;

  const order = async (name: string, body?: unknown): Promise<Answer> => {
    const answer = await callApi(fleet, "POST", `/api/tenants/ordered/${name}`, body);
    expect(answer.status).toBe(200);
    return (await answer.json()) as Answer;
  };
  const statuses = async (): Promise<string[]> => {
    const answer = await callApi(fleet, "GET", "/api/fleet");
    const { data } = (await answer.json()) as { data: { status: string }[] };
    return data.map(({ status }) => status);
  };
  const hasStatus = (status: string) =>
    eventually(
      `the status ${status}`,
      async () => {
        const found = await statuses();
        if (found.join() !== status) throw new Error(`it is ${found.join()}`);
        return true;
      },
      { timeoutMs: 40_000, everyMs: 100 },
    );
  const clients = (count: number): Promise<pg.Client[]> =>
    Promise.all(Array.from({ length: count }, () => connectTo(fleet, "ordered", login)));

  beforeAll(async () => {
    fleet = await startFleet({ postgres });
    // Over a way that can be cut: the data plane goes on, and hears nothing.
    link = await CutProxy.to("127.0.0.1", fleet.controlPlane.ports.stream);
    await fleet.dataPlane.stop();
    await fleet.dataPlane.start({ CONTROL_PLANE_URL: `https://127.0.0.1:${link.port}` });
    expect((await putTenant(fleet, "ordered", tenant)).status).toBe(201);
    await served(fleet, "ordered", login);
    await hasStatus("SYNCED");
  });
  afterAll(async () => {
    await fleet?.stop();
    await link?.stop();
  });

  it("terminate ends sessions and servers, and says how many of each", async () => {
    const all = await clients(3);
    await Promise.all(all.map((client) => client.query("select 1")));
    const ends = all.map(endOf);
    const answer = await order("terminate");
    expect(answer).toMatchObject({ result: "ok", outstanding: [] });
    const [{ counts = {} } = {}] = answer.data_planes;
    expect(counts.clients_terminated).toBe(3);
    expect(counts.servers_terminated).toBeGreaterThan(0);
    expect((await Promise.all(ends)).map(({ code }) => code)).toEqual(["57P01", "57P01", "57P01"]);
    await served(fleet, "ordered", login);
  });

  it("pause and resume say over how many pools", async () => {
    const [client] = await clients(1);
    await client?.query("select 1");
    const paused = await order("pause", { timeout: 60_000 });
    expect(paused.data_planes[0]?.counts.pools_paused).toBeGreaterThan(0);
    const waiting = client?.query("select 2 as two");
    const resumed = await order("resume");
    expect(resumed.data_planes[0]?.counts.pools_resumed).toBeGreaterThan(0);
    expect((await waiting)?.rows).toEqual([{ two: 2 }]);
    await client?.end();
  });

  it("one that is away is outstanding, named at once, and acts when it is back: once", async () => {
    link.cut();
    await hasStatus("OFFLINE");
    // It serves on.
    const [client] = await clients(1);
    const began = performance.now();
    const answer = await order("terminate");
    expect(performance.now() - began).toBeLessThan(4000);
    expect(answer).toMatchObject({ result: "outstanding", data_planes: [] });
    expect(answer.outstanding).toHaveLength(1);
    expect((await client?.query("select 1 as one"))?.rows).toEqual([{ one: 1 }]);
    const end = client === undefined ? undefined : endOf(client);
    link.mend();
    expect((await end)?.code).toBe("57P01");
    await hasStatus("SYNCED");
    // Not again: neither with the next change, nor by one that starts from its disk.
    const [next] = await clients(1);
    await putTenant(fleet, "ordered", { ...tenant, default_max_clients: 500 });
    await hasStatus("SYNCED");
    expect((await next?.query("select 1 as one"))?.rows).toEqual([{ one: 1 }]);
    await next?.end();
  });

  it("one whose process was away acts on what it missed when it is back from its disk, and no more", async () => {
    await fleet.dataPlane.kill();
    await hasStatus("OFFLINE");
    const missed = await order("terminate");
    expect(missed.outstanding).toHaveLength(1);
    link.cut();
    await fleet.dataPlane.start({ CONTROL_PLANE_URL: `https://127.0.0.1:${link.port}` });
    const [client] = await clients(1);
    const end = client === undefined ? undefined : endOf(client);
    link.mend();
    expect((await end)?.code).toBe("57P01");
    await hasStatus("SYNCED");
    await fleet.dataPlane.stop();
    await fleet.dataPlane.start({ CONTROL_PLANE_URL: `https://127.0.0.1:${link.port}` });
    const [after] = await clients(1);
    await hasStatus("SYNCED");
    expect((await after?.query("select 1 as one"))?.rows).toEqual([{ one: 1 }]);
    await after?.end();
  });

  it("addresses that failed too often are shown, and may come again once their ban is lifted", async () => {
    for (let failure = 0; failure < 10; failure++) {
      await expect(connectTo(fleet, "ordered", { password: "wrong" })).rejects.toThrow();
    }
    await expect(connectTo(fleet, "ordered", login)).rejects.toThrow();
    const path = "/api/tenants/ordered/network_bans";
    const shown = await eventually(
      "the ban",
      async () => {
        const { banned_ipv4_addresses: bans } = (await (await callApi(fleet, "GET", path)).json()) as {
          banned_ipv4_addresses: { banned_address: string }[];
        };
        return bans.length > 0 ? bans : undefined;
      },
      { timeoutMs: 25_000, everyMs: 250 },
    );
    expect(shown).toMatchObject([{ banned_address: "127.0.0.1" }]);
    const left = await callApi(fleet, "DELETE", path, { ipv4_addresses: ["127.0.0.1"] });
    expect(await left.json()).toMatchObject({ banned_ipv4_addresses: [], result: "ok", outstanding: [] });
    // Lifted when the answer came.
    await (await connectTo(fleet, "ordered", login)).end();
    await eventually("the next report", async () => {
      const answer = (await (await callApi(fleet, "GET", path)).json()) as {
        banned_ipv4_addresses: unknown[];
      };
      return answer.banned_ipv4_addresses.length === 0;
    });
  });

  it("a ban ends sessions with its reason, and is in force when the answer comes; so is its end", async () => {
    const [client] = await clients(1);
    const end = client === undefined ? undefined : endOf(client);
    const ban = (body: unknown) => callApi(fleet, "PATCH", "/api/tenants/ordered", body);
    const banned = (await (await ban({ banned: true, ban_reason: "unpaid" })).json()) as Answer;
    expect(banned).toMatchObject({ result: "ok", data_planes: [{ counts: { clients_terminated: 1 } }] });
    expect(String(await end)).toMatch(/banned: unpaid/);
    await expect(connectTo(fleet, "ordered", login)).rejects.toThrow(/banned: unpaid/);
    expect(await (await ban({ banned: false })).json()).toMatchObject({ result: "ok", outstanding: [] });
    await (await connectTo(fleet, "ordered", login)).end();
  });

  it("update_auth_credentials is answered with 204 when all have them, and with who is outstanding else", async () => {
    const path = "/api/tenants/ordered/update_auth_credentials";
    const credentials = { db_user: postgres.user, db_password: postgres.password };
    expect((await callApi(fleet, "POST", path, credentials)).status).toBe(204);
    link.cut();
    await hasStatus("OFFLINE");
    const answer = await callApi(fleet, "POST", path, { ...credentials, db_password: "another" });
    expect(answer.status).toBe(202);
    expect(await answer.json()).toMatchObject({ result: "outstanding", data_planes: [] });
    link.mend();
    await hasStatus("SYNCED");
  });

  it("the last report of a data plane is in the tenant's metrics, with its region and instance", async () => {
    const { data } = (await (await callApi(fleet, "GET", "/api/fleet")).json()) as {
      data: { instance: string; region: string }[];
    };
    const [plane] = data;
    const text = await eventually(
      "the series",
      async () => {
        const found = await (await callApi(fleet, "GET", "/metrics/ordered")).text();
        return found.includes("supavisor_client_joins_ok{") ? found : undefined;
      },
      { timeoutMs: 25_000, everyMs: 250 },
    );
    const joins = text.split("\n").find((line) => line.startsWith("supavisor_client_joins_ok{"));
    expect(joins).toContain(`instance="${plane?.instance}"`);
    expect(joins).toContain(`region="${plane?.region}"`);
    expect(joins).toContain('tenant="ordered"');
    expect(text.trimEnd().endsWith("# EOF")).toBe(true);
  });
});
