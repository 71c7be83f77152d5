import { type Fleet, startFleet } from "@sluice/local/fleet";
import { afterAll, beforeAll, describe, expect, inject, it } from "vitest";
import { eventually } from "../support/eventually.js";
import { callApi, connectTo, putTenant, served } from "../support/tenant-api.js";

const PASSWORD = "a-password-nobody-may-read";

describe("the logs of both planes", () => {
  const postgres = inject("postgres");
  let fleet: Fleet;

  beforeAll(async () => {
    fleet = await startFleet({ postgres });
    const tenant = {
      db_host: "127.0.0.1",
      db_port: postgres.port,
      db_database: "postgres",
      require_user: true,
      users: [
        {
          db_user: "postgres",
          db_password: "postgres",
          pool_size: 2,
          mode_type: "transaction",
          is_manager: true,
        },
      ],
    };
    expect((await putTenant(fleet, "logged", tenant)).status).toBe(201);
    await served(fleet, "logged", { password: "postgres" });
  });
  afterAll(() => fleet?.stop());

  type Line = Readonly<Record<string, unknown>>;
  const lines = (plane: "data-plane" | "control-plane"): Line[] =>
    fleet
      .logs()
      .split("\n")
      .filter((line) => line.startsWith(`${plane} {`))
      .map((line) => JSON.parse(line.slice(plane.length + 1)) as Line);
  const refusals = (): Line[] => lines("data-plane").filter(({ message }) => message === "login refused");

  it("have one line for each login that failed, with its reason, and no password", async () => {
    await expect(connectTo(fleet, "logged", { password: PASSWORD })).rejects.toThrow();
    const line = await eventually("the line", () => refusals().find(({ code }) => code === "EWRONGPASSWORD"));
    expect(line).toMatchObject({
      level: "info",
      plane: "data-plane",
      tenant: "logged",
      user: "postgres",
      mode: "transaction",
      peer: "127.0.0.1",
      worker: expect.any(Number),
    });
    expect(line.session).toBeGreaterThan(0);
    expect(fleet.logs()).not.toContain(PASSWORD);
  });

  it("are sampled where a stranger could flood them, and say how many lines were left out", async () => {
    const before = refusals().filter(({ code }) => code === "ENOTFOUND").length;
    await Promise.all(
      Array.from({ length: 60 }, (_, i) =>
        connectTo(fleet, `made-up-${i}`, { password: PASSWORD }).catch(() => undefined),
      ),
    );
    // Each worker samples what it refuses, and tells what it left out.
    const told = (): ReturnType<typeof lines> =>
      lines("data-plane").filter(({ message }) => message === "login refused: lines left out");
    const written = (): number => refusals().filter(({ code }) => code === "ENOTFOUND").length - before;
    await eventually(
      "every refusal is written or counted",
      () => written() + told().reduce((sum, { leftOut }) => sum + Number(leftOut), 0) >= 60,
      { timeoutMs: 30_000 },
    );
    expect(told()[0]).toMatchObject({ kind: "ENOTFOUND", level: "warn" });
    expect(written()).toBeLessThanOrEqual(40);
  });

  it("have the id of each request, the caller's own where it gives one", async () => {
    const answer = await fetch(`${fleet.controlPlane.url}/api/health`, {
      headers: { "x-request-id": "my-request.1" },
    });
    expect(answer.headers.get("x-request-id")).toBe("my-request.1");
    const line = await eventually("the request's line", () =>
      lines("control-plane").find(({ requestId }) => requestId === "my-request.1"),
    );
    expect(line).toMatchObject({ message: "request", path: "/api/health", status: 204 });
    await callApi(fleet, "GET", "/api/tenants/logged");
  });

  it("change their level while a data plane runs, by the operations port, in every worker", async () => {
    const url = `http://127.0.0.1:${fleet.dataPlane.ports.operations}/log-level`;
    const put = (body: string): Promise<Response> => fetch(url, { method: "PUT", body });
    expect(await (await fetch(url)).json()).toEqual({ level: "info" });
    expect((await put("loud")).status).toBe(400);
    expect(await (await put("error")).json()).toEqual({ level: "error" });
    const before = refusals().length;
    await expect(connectTo(fleet, "logged", { password: PASSWORD })).rejects.toThrow();
    expect((await put("info")).status).toBe(200);
    await expect(connectTo(fleet, "logged", { password: PASSWORD })).rejects.toThrow();
    await eventually("the second line", () => refusals().length > before);
    expect(refusals().length).toBe(before + 1);
  });

  it("change it by SIGUSR2, on both planes, and back again", async () => {
    for (const plane of ["data-plane", "control-plane"] as const) {
      const pid = plane === "data-plane" ? fleet.dataPlane.pid : fleet.controlPlane.pid;
      for (const level of ["debug", "info"]) {
        process.kill(pid, "SIGUSR2");
        await eventually(`${level} on the ${plane}`, () =>
          lines(plane).some((line) => line.by === "SIGUSR2" && line.to === level),
        );
      }
    }
  });
});
