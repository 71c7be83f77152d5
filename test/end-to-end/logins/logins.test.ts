import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import pg from "pg";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { AUTH_QUERY, Edge, tenantOn } from "../../integration/login/edge.js";
import { TestCa } from "../../support/certificates.js";
import { OwnPostgres } from "../../support/own-postgres.js";
import { allowOlderMethods } from "../../support/postgres-cluster.js";
import { TlsPostgres } from "../../support/tls-postgres.js";
import { KNOWN_DIFFERENCES, WAYS, type Way } from "./known-differences.js";
import { LoginClient, type Place } from "./login-client.js";
import { type LoginScript, PASSWORD, ROLES, SCRIPTS } from "./scripts.js";

type Encryption = "plain" | "tls";

/**
 * Logins played at Postgres itself and through a data plane in front of it: the same messages in the same order, and
 * the same end. What differs stands in known-differences.ts with both sides' words.
 */
describe("a login is told the same as by Postgres itself", () => {
  const servers = new Map<Encryption, { readonly port: number; stop(): Promise<void> }>();
  const edges = new Map<Encryption, Edge>();
  let provider: Server;

  beforeAll(async () => {
    // The token's provider says yes to the password, so that the server is the one that is told in both ways.
    provider = createServer((request, response) => {
      request.resume().on("end", () => {
        const good = request.headers.authorization === `Bearer ${PASSWORD}`;
        response.writeHead(good ? 200 : 401).end(JSON.stringify({ user_role: { role: "clear_role" } }));
      });
    });
    await new Promise<void>((resolve) => provider.listen(0, "127.0.0.1", resolve));
    const { port } = provider.address() as AddressInfo;
    const pair = await (await TestCa.make()).issue({ dns: ["localhost"] });
    const own = await OwnPostgres.start();
    servers.set("plain", { port: own.port, stop: () => own.remove() });
    servers.set("tls", await TlsPostgres.start(pair));
    for (const encryption of ["plain", "tls"] as const) {
      const server = { host: "127.0.0.1", port: servers.get(encryption)?.port ?? 0, ...SUPERUSER };
      await allowOlderMethods(server);
      await makeRoles(server);
      const edge = await Edge.start(encryption === "tls" ? { tls: { pairs: [pair] } } : {});
      edges.set(encryption, edge);
      const asking = { requireUser: false, authQuery: AUTH_QUERY, allowMd5: true };
      await edge.put("t", tenantOn(server, asking));
      await edge.put(
        "token",
        tenantOn(server, { ...asking, useJit: true, jitApiUrl: `http://127.0.0.1:${port}/` }),
      );
    }
  });
  afterAll(async () => {
    for (const edge of edges.values()) await edge.stop();
    for (const server of servers.values()) await server.stop();
    await new Promise((resolve) => provider?.close(resolve));
  });

  const postgres = (encryption: Encryption): Place => ({
    port: servers.get(encryption)?.port ?? 0,
    from: "127.0.0.1",
    parameters: (user, more) => ({ user, database: "postgres", ...more }),
  });
  let addresses = 0;
  const dataPlane = (way: Way, tenant: string): Place => {
    const [encryption, mode] = way.split(", ") as [Encryption, "session" | "transaction"];
    addresses += 1;
    return {
      // Each script's wrong passwords are its own: ten from one address would be braked.
      from: `127.1.${addresses >> 8}.${addresses & 255}`,
      port: edges.get(encryption)?.portOf(0, mode) ?? 0,
      // By reference: the user's name is the role's, as MD5 needs it.
      parameters: (user, more) => ({
        user,
        database: "postgres",
        options: `reference=${tenant}${tenant === "token" ? " jit=true" : ""}`,
        ...more,
      }),
    };
  };
  const played = async (script: LoginScript, place: Place, encryption: Encryption): Promise<string[]> => {
    const client = await LoginClient.connect(place);
    if (encryption === "tls" && script.fromScratch !== true) await client.raw.requestTls();
    try {
      await script.play(client);
    } finally {
      client.raw.close();
    }
    return client.lines;
  };

  const known = new Map(KNOWN_DIFFERENCES.flatMap(({ scripts }) => Object.entries(scripts)));

  describe.each(WAYS)("%s", (way) => {
    const encryption: Encryption = way.startsWith("tls") ? "tls" : "plain";
    const scripts = Object.entries(SCRIPTS).filter(
      ([, { over }]) => over === undefined || over === encryption,
    );

    it.each(scripts)("%s", async (title, script) => {
      const expected = await played(script, postgres(encryption), encryption);
      const got = await played(script, dataPlane(way, script.token ? "token" : "t"), encryption);
      // It came to an end, or nothing was compared.
      expect(expected.at(-1)).toMatch(/^(Z "I"|closed)$/);
      const differences = known.get(title);
      if (differences === undefined) expect(got).toEqual(expected);
      else expect(parting(expected, got)).toEqual(differences);
    });
  });

  it("lists as known differences only scripts that there are", () => {
    expect([...known.keys()].filter((title) => !(title in SCRIPTS))).toEqual([]);
  });
});

/** Empty where they do not differ. */
function parting(expected: readonly string[], got: readonly string[]): readonly (readonly string[])[] {
  let from = 0;
  while (from < expected.length && expected[from] === got[from]) from += 1;
  return [expected.slice(from), got.slice(from)];
}

const SUPERUSER = { user: "postgres", password: "postgres" };

async function makeRoles(server: { readonly port: number }): Promise<void> {
  const client = new pg.Client({ host: "127.0.0.1", port: server.port, database: "postgres", ...SUPERUSER });
  await client.connect();
  try {
    for (const [name, options] of Object.entries(ROLES)) {
      await client.query(`SET password_encryption = '${name === "md5_role" ? "md5" : "scram-sha-256"}'`);
      await client.query(`SET scram_iterations = ${name === "other_iterations" ? 1234 : 4096}`);
      await client.query(`CREATE ROLE "${name}" ${options}`);
    }
  } finally {
    await client.end();
  }
}
