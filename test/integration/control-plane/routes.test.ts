import { readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { parse } from "yaml";
import { createDatabase, type Database } from "../../support/database.js";
import { Api } from "./api.js";
import { Replica } from "./replica.js";

interface Layer {
  readonly route?: {
    readonly path: string;
    readonly methods?: unknown;
    readonly stack: readonly { method: string }[];
  };
  readonly handle?: { readonly stack?: readonly Layer[] };
}

interface Operation {
  readonly responses: Readonly<Record<string, unknown>>;
  readonly operationId: string;
}

const DOCUMENT: { paths: Record<string, Record<string, Operation>> } = parse(
  readFileSync(new URL("../../../control-plane/openapi.yaml", import.meta.url), "utf8"),
);
const METHODS = ["get", "put", "post", "patch", "delete"];

/** Beside the API: pages and what Prometheus and balancers ask. */
const UNDOCUMENTED = new Set([
  "get /api/openapi",
  "get /livez",
  "get /readyz",
  "get /metrics",
  "get /metrics/{external_id}",
]);

function routesOf(layers: readonly Layer[]): string[] {
  return layers.flatMap(({ route, handle }) => {
    if (route !== undefined) {
      const path = route.path.replaceAll(/:(\w+)/g, "{$1}");
      return route.stack.map(({ method }) => `${method} ${path}`);
    }
    return handle?.stack === undefined ? [] : routesOf(handle.stack);
  });
}

describe("the OpenAPI document", () => {
  let database: Database;
  let replica: Replica;
  let api: Api;

  beforeAll(async () => {
    database = await createDatabase();
    replica = await Replica.start(database.url);
    api = new Api(replica);
  });

  afterAll(async () => {
    await replica.stop();
    await database.drop();
  });

  const documented = Object.entries(DOCUMENT.paths).flatMap(([path, item]) =>
    METHODS.filter((method) => item[method] !== undefined).map((method) => `${method} ${path}`),
  );

  it("has every route of the router, and no other", () => {
    const { stack } = (replica.app as unknown as { router: { stack: readonly Layer[] } }).router;
    const routes = routesOf(stack).filter((route) => !UNDOCUMENTED.has(route));
    expect(routes.length).toBeGreaterThan(20);
    expect([...new Set(routes)].sort()).toEqual(documented.sort());
  });

  it("is served, to strangers too, and named once per operation", async () => {
    const { body } = await api.stranger().get("/api/openapi").expect(200);
    expect(body.openapi).toBe("3.1.0");
    const ids = documented.map((route) => {
      const [method = "", path = ""] = route.split(" ");
      return DOCUMENT.paths[path]?.[method]?.operationId;
    });
    expect(new Set(ids).size).toBe(ids.length);
  });

  it.each(
    documented.filter((route) => !route.includes("/api/health")),
  )("%s asks for a token, and says so", async (route) => {
    const [method = "", path = ""] = route.split(" ");
    const url = path.replaceAll(/\{\w+\}/g, "x") as `/${string}`;
    const answer = await api.stranger()[method as "get"](url);
    expect(answer.status).toBe(401);
    expect(Object.keys(DOCUMENT.paths[path]?.[method]?.responses ?? {})).toEqual(
      expect.arrayContaining(["401", "403", "422", "429", "503"]),
    );
  });

  it("answers a HEAD as a GET without its body, other methods with 405, other paths with 404", async () => {
    const head = await api.send("head", "/api/tenants");
    expect([head.status, head.text]).toEqual([200, undefined]);
    expect(Number(head.headers["content-length"])).toBeGreaterThan(0);
    const method = await api.send("post", "/api/tenants", {});
    expect(method.status).toBe(405);
    expect(method.headers.allow).toMatch(/GET/);
    const path = await api.get("/api/tenant/x");
    expect(path.status).toBe(404);
    expect(path.body).toEqual({ error: expect.any(String) });
    await api.stranger().get("/nowhere").expect(404);
    await api.get("/api/tenants/%E0%A4%A").expect(422);
    await api.get("/api/tenants/x/users/%E0%A4%A").expect(422);
  });

  it("keeps browsers and their guesses out by headers", async () => {
    const { headers } = await api.get("/api/tenants");
    expect(headers["x-content-type-options"]).toBe("nosniff");
    expect(headers["content-security-policy"]).toMatch(/default-src 'self'/);
    expect(headers).not.toHaveProperty("x-powered-by");
  });
});
