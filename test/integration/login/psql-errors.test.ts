import { afterAll, beforeAll, describe, expect, inject, it } from "vitest";
import { startup } from "../../support/protocol.js";
import { RawClient } from "../../support/raw-client.js";
import { psql } from "../../support/tools.js";
import { AUTH_QUERY, Edge, tenantOn } from "./edge.js";

/** What stands behind psql's own "connection to server at ... failed: ". */
describe("what psql shows of a refused login", () => {
  const server = inject("postgres");
  let edge: Edge;
  const open: RawClient[] = [];

  beforeAll(async () => {
    edge = await Edge.start();
    await edge.put("ok", tenantOn(server));
    await edge.put("ssl", tenantOn(server, { enforceSsl: true }));
    await edge.put("closed", tenantOn(server, { allowList: [] }));
    await edge.put("banned", tenantOn(server, { bannedAtMs: 1n, banReason: "unpaid" }));
    await edge.put("full", tenantOn(server, { defaultMaxClients: 1 }));
    await edge.put("asking", tenantOn(server, { requireUser: false, authQuery: AUTH_QUERY, dbPort: 1 }));
    await edge.put("away", tenantOn(server, { dbPort: 1 }));
    const first = await RawClient.connect(edge.port);
    first.send(startup({ user: `${server.user}.full` }));
    await first.authenticate(server);
    await first.greeting();
    open.push(first);
  });
  afterAll(async () => {
    for (const client of open) client.close();
    await edge?.stop();
  });

  const user = server.user;
  it.each([
    ["nobody", "nobody", "FATAL:  (ENOIDENTIFIER) no tenant identifier provided"],
    ["an unknown tenant", `${user}.gone`, `FATAL:  (ENOTFOUND) tenant/user ${user}.gone not found`],
    ["a long name", `${"u".repeat(70)}.ok`, "FATAL:  (EINVALIDUSERINFO) Authentication error"],
    ["no TLS", `${user}.ssl`, `FATAL:  (ESSLREQUIRED) SSL connection is required for user: ${user}`],
    [
      "another address",
      `${user}.closed`,
      "FATAL:  (EADDRNOTALLOWED) address not in tenant allow_list: 127.0.0.1",
    ],
    ["a ban", `${user}.banned`, "FATAL:  (EBANNED) tenant is banned: unpaid"],
    ["a full tenant", `${user}.full`, "FATAL:  (EMAXCONN) max client connections reached, limit: 1"],
    ["a wrong password", `nobody.ok`, 'FATAL:  password authentication failed for user "nobody"'],
    [
      "a database that auth_query cannot reach",
      `${user}.asking`,
      "FATAL:  (EAUTHQUERY) authentication query failed",
    ],
    ["a database that is away", `${user}.away`, "FATAL:  Failed to connect to database: connection refused"],
  ])("is one line in words: %s", async (_, name, told) => {
    const url = `postgresql://${name}:${server.password}@127.0.0.1:${edge.port}/postgres`;
    const { code, stderr } = await psql(url, "select 1");
    expect(code).toBe(2);
    expect(stderr).toContain(`failed: ${told}`);
    expect(stderr.trim().split("\n")).toHaveLength(1);
  });
});
