import { startOperations } from "@sluice/data-plane/operations/index";
import type { LogLevel } from "@sluice/shared/observability";
import { Gauge, Registry } from "prom-client";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";

describe("the operations port", () => {
  let level: LogLevel;
  let operations: Awaited<ReturnType<typeof startOperations>>;
  beforeAll(async () => {
    const metrics = new Registry();
    new Gauge({ name: "sluice_clients", help: "Clients.", registers: [metrics] }).set(3);
    operations = await startOperations({
      host: "127.0.0.1",
      port: 0,
      readiness: () => ({ ready: true, detail: {} }),
      metrics,
      logLevel: {
        get: () => level,
        set: (wanted) => {
          level = wanted;
        },
      },
    });
  });
  beforeEach(() => {
    level = "info";
  });
  afterAll(() => operations.stop());

  const call = (path: string, request: RequestInit = {}): Promise<Response> =>
    fetch(`http://127.0.0.1:${operations.port}${path}`, request);

  it.each([
    "/livez",
    "/readyz",
    "/metrics",
    "/log-level",
  ])("answers %s, whatever query comes with it", async (path) => {
    const plain = await call(path);
    const queried = await call(`${path}?x=1&name[]=sluice_clients`);
    expect([plain.status, queried.status]).toEqual([200, 200]);
    expect(await queried.text()).toBe(await plain.text());
    expect((await call(`${path}x`)).status).toBe(404);
  });

  it("sets the log's level by PUT", async () => {
    expect(await (await call("/log-level", { method: "PUT", body: "debug\n" })).json()).toEqual({
      level: "debug",
    });
    expect(level).toBe("debug");
    expect((await call("/log-level", { method: "PUT", body: "loud" })).status).toBe(400);
    expect(level).toBe("debug");
  });

  it.each(["POST", "DELETE", "PATCH"])("says of %s that it does not set the log's level", async (method) => {
    const answer = await call("/log-level", { method, ...(method === "DELETE" ? {} : { body: "debug" }) });
    expect([answer.status, answer.headers.get("allow")]).toEqual([405, "GET, HEAD, PUT"]);
    expect(level).toBe("info");
  });
});
