import { randomBytes } from "node:crypto";
import { createServer, type IncomingHttpHeaders, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import pg from "pg";
import { afterAll, beforeAll, beforeEach, describe, expect, inject, it } from "vitest";
import { TestCa } from "../../support/certificates.js";
import { startup } from "../../support/protocol.js";
import { RawClient } from "../../support/raw-client.js";
import { Edge, tenantOn } from "./edge.js";

const TOKEN = "a-token-of-an-hour";

describe("logging in with a token (use_jit)", () => {
  const server = inject("postgres");
  const role = `clear_${randomBytes(4).toString("hex")}`;
  const asked: { headers: IncomingHttpHeaders; body: unknown }[] = [];
  let answer: { status: number; body: string };
  let provider: Server;
  let admin: pg.Client;
  let edge: Edge;

  beforeAll(async () => {
    provider = createServer({ maxHeaderSize: 128 * 1024 }, (request, response) => {
      let text = "";
      request.setEncoding("utf8").on("data", (part: string) => {
        text += part;
      });
      request.on("end", () => {
        asked.push({ headers: request.headers, body: JSON.parse(text) });
        response.writeHead(answer.status, answer.status === 302 ? { location: "http://127.0.0.1:1/" } : {});
        response.end(answer.body);
      });
    });
    await new Promise<void>((resolve) => provider.listen(0, "127.0.0.1", resolve));
    const { port } = provider.address() as AddressInfo;
    // The server's own check of the token: PAM there, a password here.
    admin = new pg.Client({ ...server, database: "postgres" });
    await admin.connect();
    await admin.query(`CREATE ROLE ${role} LOGIN PASSWORD '${TOKEN}'`);
    edge = await Edge.start({ tls: { pairs: [await (await TestCa.make()).issue()] } });
    await edge.put("j", tenantOn(server, { useJit: true, jitApiUrl: `http://127.0.0.1:${port}/jit` }));
    await edge.put("n", tenantOn(server));
  });
  beforeEach(() => {
    asked.length = 0;
    answer = { status: 200, body: JSON.stringify({ user_role: { role } }) };
  });
  afterAll(async () => {
    await edge?.stop();
    await admin?.query("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = $1", [role]);
    await admin?.query(`DROP ROLE ${role}`);
    await admin?.end();
    await new Promise((resolve) => provider?.close(resolve));
  });

  const logIn = async (password = TOKEN, user = role): Promise<unknown> => {
    const client = new pg.Client({
      host: "127.0.0.1",
      port: edge.port,
      user: `${user}.j`,
      password,
      database: "postgres",
      options: "jit=true",
      ssl: { rejectUnauthorized: false },
    });
    client.on("error", () => undefined);
    try {
      await client.connect();
      return (await client.query("select current_user::text as me")).rows[0]?.me;
    } catch (error) {
      return `${(error as { code?: string }).code} ${(error as Error).message}`;
    } finally {
      await client.end();
    }
  };

  it("asks the provider, and the token logs in at the server", async () => {
    expect(await logIn()).toBe(role);
    expect(asked).toHaveLength(1);
    expect(asked[0]?.headers.authorization).toBe(`Bearer ${TOKEN}`);
    expect(asked[0]?.body).toEqual({ rhost: "127.0.0.1", role });
  });

  it("passes on a token of 65,530 bytes, which no other message of a login may have", async () => {
    const token = "x".repeat(65_530);
    expect(await logIn(token)).toBe(role);
    expect(asked[0]?.headers.authorization).toBe(`Bearer ${token}`);
  });

  it("keeps its session when the tenant changes: the tenant names no such user before or after", async () => {
    const { port } = provider.address() as AddressInfo;
    const client = new pg.Client({
      host: "127.0.0.1",
      port: edge.port,
      user: `${role}.j`,
      password: TOKEN,
      database: "postgres",
      options: "jit=true",
      ssl: { rejectUnauthorized: false },
    });
    client.on("error", () => undefined);
    await client.connect();
    try {
      const pid = async (): Promise<unknown> =>
        (await client.query("select pg_backend_pid() as pid")).rows[0]?.pid;
      const before = await pid();
      const jitApiUrl = `http://127.0.0.1:${port}/jit`;
      await edge.put("j", tenantOn(server, { useJit: true, jitApiUrl, defaultMaxClients: 55 }));
      expect(await logIn()).toBe(role);
      expect(await pid()).toBe(before);
    } finally {
      await client.end();
    }
  });

  it.each([
    [401, ""],
    [403, "{}"],
    [200, JSON.stringify({ user_role: { role: "postgres" } })],
    [200, "{}"],
    [200, "no json"],
    [200, "null"],
  ])("refuses what the provider refuses or says of another role: %i %s", async (status, body) => {
    answer = { status, body };
    expect(await logIn()).toBe(`28P01 password authentication failed for user "${role}"`);
  });

  it.each([
    [500, ""],
    [302, ""],
    [200, "x".repeat(70_000)],
  ])("says that the provider cannot be asked: %i", async (status, body) => {
    answer = { status, body };
    expect(await logIn()).toBe(`58000 (EJITREQUESTFAILED) failed to reach JIT provider for user "${role}"`);
    const logged = edge.log.map(({ fields: { error } }) =>
      error instanceof Error ? `${error.stack} ${error.cause}` : "",
    );
    expect(logged.join("\n")).toContain("JIT provider");
    expect(logged.join("\n")).not.toContain(TOKEN);
  });

  it("asks for no token without TLS", async () => {
    const client = await RawClient.connect(edge.port);
    client.send(startup({ user: `${role}.j`, options: "jit=true" }));
    expect((await client.refusal())["M"]).toContain("(ESSLREQUIRED)");
  });

  it("leaves passwords and other tenants as they are, where jit is PostgreSQL's own parameter", async () => {
    const login = { database: "postgres", options: "-c jit=true" };
    const client = await RawClient.connect(edge.port);
    await client.requestTls();
    await client.logIn({ ...login, user: `${server.user}.n` }, server);
    expect(await client.query("show jit")).toEqual([["on"]]);
    client.close();
    const plain = await RawClient.connect(edge.port);
    await plain.logIn({ database: "postgres", user: `${server.user}.j` }, server);
    plain.close();
  });
});
