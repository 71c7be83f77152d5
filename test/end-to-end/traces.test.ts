import { type Fleet, startFleet } from "@sluice/local/fleet";
import { freePort } from "@sluice/shared/postgres";
import { afterAll, beforeAll, describe, expect, inject, it } from "vitest";
import { eventually } from "../support/eventually.js";
import { type OtlpReceiver, type ReceivedSpan, startOtlpReceiver } from "../support/otlp-receiver.js";
import { connectTo, GUIDE_TOKEN, putTenant, served } from "../support/tenant-api.js";

const PASSWORD = "a-password-nobody-may-trace";
const QUERY_TEXT = "a text that is for nobody else";
const TRACE_ID = "4bf92f3577b34da6a3ce929d0e0e4736";
const CALLER = "00f067aa0ba902b7";
const SERVER = 2;

function tenantAt(port: number, password: string): Record<string, unknown> {
  return {
    db_host: "127.0.0.1",
    db_port: port,
    db_database: "postgres",
    require_user: true,
    users: [
      {
        db_user: "postgres",
        db_password: password,
        pool_size: 1,
        mode_type: "transaction",
        is_manager: true,
      },
    ],
  };
}

describe("traces", () => {
  const postgres = inject("postgres");
  let receiver: OtlpReceiver;
  let fleet: Fleet;

  const find = (what: string, matches: (span: ReceivedSpan) => boolean): Promise<ReceivedSpan> =>
    eventually(what, () => receiver.spans.find(matches), { timeoutMs: 30_000 });

  beforeAll(async () => {
    receiver = await startOtlpReceiver();
    const tracing = {
      OTEL_EXPORTER_OTLP_ENDPOINT: receiver.endpoint,
      OTEL_EXPORTER_OTLP_HEADERS: "authorization=Bearer collector",
      OTEL_RESOURCE_ATTRIBUTES: "deployment.environment.name=test",
      OTEL_BSP_SCHEDULE_DELAY: "100",
      OTEL_EXPORTER_OTLP_TIMEOUT: "1000",
    };
    fleet = await startFleet({
      postgres,
      controlPlaneEnvironment: tracing,
      dataPlaneEnvironment: {
        ...tracing,
        OTEL_EXPORTER_OTLP_COMPRESSION: "gzip",
        TRACE_SLOW_MS: "50",
        DATA_PLANE_WORKERS: "1",
      },
    });
  });
  afterAll(async () => {
    await fleet?.stop();
    await receiver?.stop();
  });

  it("show a change from the caller's request over the database and publishing to the data plane's ack", async () => {
    const answer = await fetch(`${fleet.controlPlane.url}/api/tenants/traced`, {
      method: "PUT",
      headers: {
        authorization: `Bearer ${GUIDE_TOKEN}`,
        "content-type": "application/json",
        traceparent: `00-${TRACE_ID}-${CALLER}-01`,
        "x-request-id": "traced-request",
      },
      body: JSON.stringify({ tenant: tenantAt(postgres.port, "postgres") }),
    });
    expect(answer.status).toBe(201);
    const inTrace = (name: string | RegExp) => (span: ReceivedSpan) =>
      span.traceId === TRACE_ID && (typeof name === "string" ? span.name === name : name.test(span.name));
    const ack = await find("the ack", inTrace("ack"));
    const request = await find("the request", ({ traceId, kind }) => traceId === TRACE_ID && kind === SERVER);
    const publish = await find("publishing", inTrace("publish"));
    expect(request).toMatchObject({
      name: "PUT /api/tenants/:external_id",
      parentSpanId: CALLER,
      service: "sluice-control-plane",
      status: 0,
      attributes: {
        "http.request.method": "PUT",
        "http.route": "/api/tenants/:external_id",
        "http.response.status_code": 201,
        "sluice.request_id": "traced-request",
      },
    });
    expect(request.resource).toMatchObject({
      "deployment.environment.name": "test",
      "service.version": "0.1.0",
    });
    const statements = receiver.spans.filter(({ parentSpanId }) => parentSpanId === request.spanId);
    const names = statements.map(({ name }) => name);
    expect(names).toEqual(expect.arrayContaining(["INSERT tenants", "COMMIT", "publish", "ack"]));
    expect(publish.parentSpanId).toBe(request.spanId);
    expect(publish.attributes).toMatchObject({ "sluice.scope": "region:local", "sluice.signed": true });
    expect(receiver.spans.some(({ parentSpanId }) => parentSpanId === publish.spanId)).toBe(true);
    expect(ack.parentSpanId).toBe(request.spanId);
    expect(ack.endMs).toBeGreaterThanOrEqual(ack.startMs);
    expect(ack.attributes["sluice.generation"]).toBe(publish.attributes["sluice.generation"]);
    // The log leads to the trace.
    await eventually("the request's line", () => fleet.logs().includes(`"traceId":"${TRACE_ID}"`));
  });

  it("show who waited long for a server, and what the pool was like", async () => {
    await served(fleet, "traced", { password: "postgres" });
    const first = await connectTo(fleet, "traced", { password: "postgres" });
    const second = await connectTo(fleet, "traced", { password: "postgres" });
    // Has the only server from here on.
    await first.query("BEGIN");
    const waiting = second.query(`SELECT '${QUERY_TEXT}'`);
    await first.query("SELECT pg_sleep(0.4)");
    await first.query("COMMIT");
    await waiting;
    await Promise.all([first.end(), second.end()]);
    const span = await find("the slow checkout", ({ name, status }) => name === "checkout" && status === 0);
    expect(span.service).toBe("sluice-data-plane");
    expect(span.parentSpanId).toBe("");
    expect(span.endMs - span.startMs).toBeGreaterThanOrEqual(50);
    expect(span.resource).toMatchObject({ "cloud.region": "local", "sluice.worker": 0 });
    expect(span.attributes).toMatchObject({
      "sluice.tenant": "traced",
      "sluice.user": "postgres",
      "sluice.mode": "transaction",
      "db.namespace": "postgres",
      "sluice.pool.limit": 1,
    });
  });

  it("show servers that could not be connected", async () => {
    const nobody = await freePort();
    expect((await putTenant(fleet, "away", tenantAt(nobody, PASSWORD))).status).toBe(201);
    // Until it is served it is not known; then its login finds nobody there.
    await eventually("a refusal", async () => {
      const refusal: unknown = await connectTo(fleet, "away", { password: PASSWORD }).catch((error) => error);
      return refusal instanceof Error && refusal.message.includes("refused");
    });
    const span = await find(
      "the failed connect",
      ({ name, attributes }) => name === "connect" && attributes["sluice.tenant"] === "away",
    );
    expect(span).toMatchObject({ status: 2, statusMessage: "", events: 0 });
    expect(span.attributes["error.type"]).toMatch(/^E[A-Z]+$/);
  });

  it("hold no secret and no text of a query, and come with the collector's own headers", async () => {
    const sent = receiver.bytes();
    expect(sent.length).toBeGreaterThan(1000);
    for (const hidden of [PASSWORD, QUERY_TEXT, GUIDE_TOKEN, "pg_sleep", "SELECT id", "VALUES"]) {
      expect(sent).not.toContain(hidden);
    }
    expect(receiver.headers.every(({ authorization }) => authorization === "Bearer collector")).toBe(true);
    expect(receiver.headers.some((headers) => headers["content-encoding"] === "gzip")).toBe(true);
    // What runs by itself every second is no trace of its own.
    expect(
      receiver.spans.some(({ name, parentSpanId }) => name === "SELECT scopes" && parentSpanId === ""),
    ).toBe(false);
  });

  it("hold nobody up when the collector is away, and say so once", async () => {
    await receiver.stop();
    for (const id of ["one", "two", "three"]) {
      expect((await putTenant(fleet, id, tenantAt(postgres.port, "postgres"))).status).toBe(201);
    }
    const lines = (): string[] =>
      fleet
        .logs()
        .split("\n")
        .filter((line) => line.startsWith("control-plane {") && line.includes('"message":"traces"'));
    await eventually("a complaint", () => lines().length > 0, { timeoutMs: 30_000 });
    const begunMs = performance.now();
    await fleet.controlPlane.stop();
    expect(performance.now() - begunMs).toBeLessThan(8000);
    expect(lines()).toHaveLength(1);
    expect(fleet.logs()).not.toContain("Bearer collector");
  });
});
