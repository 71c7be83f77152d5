import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { parse } from "yaml";
import { createDatabase, type Database } from "../../support/database.js";
import { Api } from "./api.js";
import { FIRST_PUT, GUIDE_TOKEN } from "./guide.js";
import { Replica } from "./replica.js";
import { LISTED } from "./tenant-bodies.js";

interface MediaType {
  readonly example?: unknown;
  readonly examples?: Readonly<Record<string, { readonly value: unknown }>>;
}

interface Operation {
  readonly requestBody?: { readonly content: Readonly<Record<string, MediaType>> };
}

const ROOT = new URL("../../../", import.meta.url);
const read = (path: string): string => readFileSync(new URL(path, ROOT), "utf8");
const DOCUMENT: { info: { description: string }; paths: Record<string, Record<string, Operation>> } = parse(
  read("control-plane/openapi.yaml"),
);

/** Every body that Swagger fills in, with the path's own examples in place of its parameters. */
function examples(): [name: string, method: string, path: string, body: unknown][] {
  return Object.entries(DOCUMENT.paths).flatMap(([template, item]) =>
    Object.entries(item).flatMap(([method, operation]) => {
      const media = operation.requestBody?.content["application/json"];
      if (media === undefined) return [];
      const path = template
        .replace("{external_id}", "example_tenant")
        .replace("{db_user}", "postgres")
        .replace("{alias}", "example_cluster")
        .replace("{group}", "pods")
        .replace("{instance}", "example-data-plane");
      const all = {
        ...(media.example === undefined ? {} : { example: { value: media.example } }),
        ...media.examples,
      };
      return Object.entries(all).map(([name, { value }]): [string, string, string, unknown] => [
        `${method} ${path}, ${name}`,
        method,
        path,
        value,
      ]);
    }),
  );
}

describe("the examples", () => {
  let database: Database;
  let replica: Replica;
  let server: Server;
  let api: Api;

  beforeAll(async () => {
    database = await createDatabase();
    replica = await Replica.start(database.url);
    api = new Api(replica);
    server = createServer(replica.app);
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    await api.put("dev_tenant", LISTED).expect(201);
    // Whose second key, 32 bytes of 1, waits to be allowed.
    const place = { group: "pods", instance: "example-data-plane", region: "eu", scope: "region:eu" };
    for (const byte of [0, 1]) {
      await replica.registry.register({
        ...place,
        publicKey: new Uint8Array(32).fill(byte),
        build: "test",
        keysetVersion: 1n,
        incompatible: false,
      });
    }
  });

  afterAll(async () => {
    await new Promise((resolve) => server.close(resolve));
    await replica.stop();
    await database.drop();
  });

  it("of Swagger are there for every operation with a body", () => {
    const bodies = Object.values(DOCUMENT.paths).flatMap((item) =>
      Object.values(item).filter((operation) => operation.requestBody !== undefined),
    );
    expect(bodies.length).toBeGreaterThan(6);
    for (const { requestBody } of bodies) {
      const media = requestBody?.content["application/json"];
      expect(media?.example ?? media?.examples).toBeDefined();
    }
  });

  it.each(examples())("of Swagger work: %s", async (_, method, path, body) => {
    await api.put("example_tenant", FIRST_PUT);
    const answer = await api.send(method as "put", path, body);
    expect(answer.body).not.toHaveProperty("errors");
    // 202: the example's data plane is away.
    expect([200, 201, 202, 204]).toContain(answer.status);
    await api.send("patch", "/api/tenants/example_tenant", { banned: false }).expect(200);
  });

  it("of Swagger authorise with the token that its page shows", async () => {
    expect(DOCUMENT.info.description).toContain(GUIDE_TOKEN);
  });

  it("of the README work as they stand, by curl", async () => {
    const commands = [...read("README.md").matchAll(/```sh\n(curl [\s\S]*?)```/g)].map(
      ([, command]) => command ?? "",
    );
    expect(commands.length).toBeGreaterThan(0);
    await api.send("delete", "/api/clusters/example_cluster").expect(204);
    await api.delete("dev_tenant").expect(204);
    const { port } = server.address() as AddressInfo;
    for (const command of commands) {
      const here = command.replaceAll("localhost:4000", `127.0.0.1:${port}`);
      const out = await new Promise<string>((resolve, reject) => {
        execFile(
          "sh",
          ["-c", `${here.trimEnd()} -sS -w '%{http_code}'`],
          { timeout: 20_000 },
          (error, stdout) => (error === null ? resolve(stdout) : reject(error)),
        );
      });
      expect(out).toMatch(/20[014]$/);
    }
    expect((await api.get("/api/tenants/dev_tenant").expect(200)).body.data.require_user).toBe(false);
  });
});

describe("the pages of Swagger", () => {
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

  it("come with everything that they load, from here, as their own security policy allows", async () => {
    const page = await api.stranger().get("/swaggerui/").expect(200);
    const policy = String(page.headers["content-security-policy"]);
    expect(policy).toMatch(/script-src 'self'/);
    // No script inside the page: the policy would not run it.
    expect(page.text).not.toMatch(/<script(?![^>]*\ssrc=)[^>]*>\s*\S/);
    const loaded = [...page.text.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, url]) => url ?? "");
    expect(loaded).toEqual(expect.arrayContaining([expect.stringMatching(/swagger-ui-bundle\.js/)]));
    for (const url of loaded) {
      expect(url).not.toMatch(/^(https?:)?\/\//);
      await api.stranger().get(new URL(url, "http://x/swaggerui/").pathname).expect(200);
    }
  });

  it("hold the whole document, with its examples and the way to authorise", async () => {
    const { text } = await api.stranger().get("/swaggerui/swagger-ui-init.js").expect(200);
    for (const part of ["bearerAuth", "TenantInput", "dev_tenant", "persistAuthorization", "listAudit"]) {
      expect(text).toContain(part);
    }
    await api.stranger().get("/swaggerui").expect(301);
  });
});
