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

/** For everyone, or with the token of metrics. */
const OUTSIDE = /\/(livez|readyz|metrics|api\/(health|openapi))(\/|$)/;

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
    const routes = routesOf(stack);
    expect(routes.length).toBeGreaterThan(20);
    expect([...new Set(routes)].sort()).toEqual(documented.sort());
  });

  it.each(documented)("%s has one spelling", async (route) => {
    const [method = "", path = ""] = route.split(" ");
    const named = path.replaceAll(/\{\w+\}/g, "listed");
    const spellings = [
      named.toUpperCase().replaceAll("LISTED", "listed"),
      named.replace("a", "%61"),
      named.replace(/\/([a-z])/, (_, letter: string) => `/${letter.toUpperCase()}`),
      `/${named}`,
      named.replace("/api/", "/api//"),
    ];
    for (const spelling of spellings.filter((each) => each !== named)) {
      const answer = await api.send(method as "get", spelling, { tenant: {} });
      expect([answer.status, answer.headers["content-type"]], spelling).toEqual([
        404,
        "application/json; charset=utf-8",
      ]);
    }
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
    documented.filter((route) => !OUTSIDE.test(route)),
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
    for (const path of ["/api/tenants/%E0%A4%A", "/api/tenants/x/users/%E0%A4%A", "/api/tenants/%zz"]) {
      expect((await api.get(path).expect(422)).body.errors.url).toEqual([
        "must be UTF-8, with % and two digits",
      ]);
    }
  });

  it.each([
    ...["/livez", "/readyz", "/metrics", "/metrics/x", "/api/health", "/api/openapi", "/api/tenants"],
    ...["/api/tenants/x", "/api/tenants/x/pause", "/api/clusters/x", "/api/fleet", "/api/audit"],
  ])("names the methods that %s takes to who tried another", async (path) => {
    const named = Object.entries(DOCUMENT.paths).find(
      ([template]) => template.replace(/\{\w+\}/, "x") === path,
    );
    const methods = METHODS.filter((method) => named?.[1][method] !== undefined);
    for (const method of METHODS.filter((candidate) => !methods.includes(candidate))) {
      const { status, headers, body } = await api.send(method as "get", path);
      expect([method, status, body]).toEqual([method, 405, { error: `this path takes ${headers.allow}` }]);
      const allowed = (headers.allow ?? "").toLowerCase().split(", ");
      expect(allowed.filter((name) => name !== "head").sort()).toEqual([...methods].sort());
    }
  });

  it("has words for each pattern, and for what is wrong in a query", async () => {
    const text = readFileSync(new URL("../../../control-plane/openapi.yaml", import.meta.url), "utf8");
    expect(text).toContain("pattern:");
    for (const path of [
      "tenants/-",
      "clusters/a.b",
      "fleet/generations/x",
      "fleet/instances/-/x",
      "fleet/instances/a/_",
    ]) {
      const { body } = await api.get(`/api/${path}`).expect(422);
      expect(JSON.stringify(body)).toMatch(/must be (letters|a number)/);
    }
    const unknown = await api.get("/api/tenants?pages=1").expect(422);
    expect(unknown.body.errors).toEqual({ pages: ["is not a known parameter"] });
    const empty = await api.get("/api/tenants?q=").expect(422);
    expect(empty.body.errors).toEqual({ q: ["can't be blank"] });
  });

  it("keeps browsers and their guesses out by headers", async () => {
    const { headers } = await api.get("/api/tenants");
    expect(headers["x-content-type-options"]).toBe("nosniff");
    expect(headers["content-security-policy"]).toMatch(/default-src 'self'/);
    expect(headers).not.toHaveProperty("x-powered-by");
    expect(headers["cache-control"]).toBe("private, no-cache");
  });
});
