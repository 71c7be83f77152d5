import { randomBytes } from "node:crypto";
import pg from "pg";
import { afterAll, afterEach, beforeAll, describe, expect, inject, it } from "vitest";
import { createDatabase, type Database } from "../../support/database.js";
import { eventually } from "../../support/eventually.js";
import { message, startup } from "../../support/protocol.js";
import { RawClient, saslInitial } from "../../support/raw-client.js";
import { ScramPeer } from "../../support/scram-peer.js";
import { AUTH_QUERY, Edge, type EdgeTenant, tenantOn } from "./edge.js";

describe("authentication of clients", () => {
  const server = inject("postgres");
  const made: string[] = [];
  let home: Database;
  let admin: pg.Client;
  let edge: Edge;

  beforeAll(async () => {
    home = await createDatabase();
    admin = new pg.Client({ connectionString: home.url });
    await admin.connect();
    edge = await Edge.start();
  });
  afterEach(async () => {
    for (const name of made.splice(0)) {
      await admin.query(`DROP OWNED BY ${name}`);
      await admin.query(`DROP ROLE ${name}`);
    }
  });
  afterAll(async () => {
    await edge?.stop();
    await admin?.end();
    await home?.drop();
  });

  const role = async (options: string, prefix = "r"): Promise<string> => {
    const name = `${prefix}_${randomBytes(5).toString("hex")}`;
    await admin.query(`CREATE ROLE ${name} ${options}`);
    made.push(name);
    return name;
  };
  const asking = (change: Partial<EdgeTenant> = {}): EdgeTenant =>
    tenantOn(server, { requireUser: false, authQuery: AUTH_QUERY, dbDatabase: home.database, ...change });
  const connect = (user: string, password: string, tenant = "q", port = edge.port): Promise<pg.Client> => {
    const client = new pg.Client({
      host: "127.0.0.1",
      port,
      user: `${user}.${tenant}`,
      password,
      database: home.database,
    });
    client.on("error", () => undefined);
    return client.connect().then(() => client);
  };
  const whoAmI = async (user: string, password: string, tenant = "q"): Promise<string> => {
    const client = await connect(user, password, tenant);
    const { rows } = await client.query("select current_user::text as me");
    await client.end();
    return rows[0]?.me;
  };
  const refusal = async (user: string, password: string, tenant = "q"): Promise<string> => {
    try {
      await (await connect(user, password, tenant)).end();
      return "let in";
    } catch (error) {
      return `${(error as { code?: string }).code} ${(error as Error).message}`;
    }
  };

  describe("by the configuration's verifier", () => {
    it.each([1, 4096, 5000, 20_000])("works with %i iterations", async (iterations) => {
      await edge.put(
        "c",
        tenantOn(server, { users: [{ name: server.user, password: server.password, iterations }] }),
      );
      expect(await whoAmI(server.user, server.password, "c")).toBe(server.user);
      expect(await refusal(server.user, "wrong", "c")).toBe(
        `28P01 password authentication failed for user "${server.user}"`,
      );
    });

    it.each([
      ["non-ASCII, composed and not", "Grüße", "Gru\u0308ße"],
      ["a soft hyphen, which SASLprep drops", "pass\u00adword", "password"],
      ["a no-break space, which SASLprep makes a space", "pass\u00a0word", "pass word"],
      ["what SASLprep refuses, used as it is", "bell\u0007", "bell\u0007"],
      ["quotes, backslashes and colons", `'"\\:;=,`, `'"\\:;=,`],
      ["65,000 bytes", "x".repeat(65_000), "x".repeat(65_000)],
    ])("takes a password with %s", async (_, stored, typed) => {
      const name = await role("LOGIN");
      await admin.query(`ALTER ROLE ${name} PASSWORD ${pg.escapeLiteral(stored)}`);
      await edge.put(
        "c",
        tenantOn(server, { dbDatabase: home.database, users: [{ name, password: stored }] }),
      );
      const client = await RawClient.connect(edge.port);
      // The raw peer prepares nothing, so it types what SASLprep gives.
      await client.logIn(
        { user: `${name}.c`, database: home.database },
        { password: typed.normalize("NFKC") },
      );
      expect(await client.query("select current_user::text")).toEqual([[name]]);
      client.close();
      expect(await whoAmI(name, typed, "c")).toBe(name);
    });
  });

  describe("by auth_query", () => {
    it("logs in each role as itself, on servers of its own", async () => {
      await edge.put("q", asking());
      const [a, b] = [await role("LOGIN PASSWORD 'a'"), await role("LOGIN PASSWORD 'b'")];
      expect(await whoAmI(a, "a")).toBe(a);
      expect(await whoAmI(b, "b")).toBe(b);
      expect(await refusal(a, "b")).toContain("28P01");
      // A new server connection later, by the key of a login: of one that is past, and of another.
      const there = await connect(a, "a");
      const kill = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = $1";
      await admin.query(kill, [a]);
      await eventually("they are gone", async () => (await admin.query(kill, [a])).rowCount === 0);
      const again = await there.query("select current_user::text as me");
      expect(again.rows).toEqual([{ me: a }]);
      await there.end();
      await admin.query(kill, [a]);
      expect(await eventually("another server", () => whoAmI(a, "a"))).toBe(a);
    });

    it("works with iterations other than 4096", async () => {
      await edge.put("q", asking());
      await admin.query("SET scram_iterations = 12345");
      const name = await role("LOGIN PASSWORD 'x'");
      await admin.query("RESET scram_iterations");
      expect(await whoAmI(name, "x")).toBe(name);
    });

    it.each([
      ["may not log in", "NOLOGIN PASSWORD 'x'"],
      ["is past VALID UNTIL (CVE-2025-2291)", "LOGIN PASSWORD 'x' VALID UNTIL '2001-01-01'"],
      ["has no password", "LOGIN"],
    ])("refuses a role that %s, with the same words", async (_, options) => {
      await edge.put("q", asking());
      const name = await role(options);
      expect(await refusal(name, "x")).toBe(`28P01 password authentication failed for user "${name}"`);
    });

    it("lets in whose VALID UNTIL is to come", async () => {
      await edge.put("q", asking());
      const name = await role("LOGIN PASSWORD 'x' VALID UNTIL '2101-01-01'");
      expect(await whoAmI(name, "x")).toBe(name);
    });

    it("never runs what a client sends, whatever its name and parameters are (CVE-2025-12819)", async () => {
      await admin.query("CREATE SCHEMA evil; CREATE TABLE evil.ran (who text)");
      await admin.query(
        "CREATE FUNCTION evil.now() RETURNS timestamptz LANGUAGE sql AS 'INSERT INTO evil.ran VALUES (session_user); SELECT pg_catalog.now()'",
      );
      await admin.query(
        "CREATE VIEW evil.pg_authid AS SELECT 'postgres'::name AS rolname, 'SCRAM-SHA-256$1:AAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA='::text AS rolpassword",
      );
      await edge.put("q", asking());
      const name = await role("LOGIN PASSWORD 'x'");
      for (const more of [{ search_path: "evil" }, { options: "-c search_path=evil,public" }]) {
        const client = await RawClient.connect(edge.port);
        client.send(startup({ user: `${name}.q`, database: home.database, ...more }));
        await client.authenticate({ password: "x" });
        client.close();
      }
      const quoted = await RawClient.connect(edge.port);
      quoted.send(startup({ user: `x'; CREATE TABLE evil.hit (); --.q`, database: home.database }));
      await quoted.mechanisms();
      quoted.close();
      expect((await admin.query("SELECT * FROM evil.ran")).rows).toEqual([]);
      expect((await admin.query("SELECT to_regclass('evil.hit') AS hit")).rows).toEqual([{ hit: null }]);
      await admin.query("DROP SCHEMA evil CASCADE");
    });

    it("gives nobody the identity of another (CVE-2015-6817)", async () => {
      await edge.put(
        "q",
        asking({
          authQuery:
            "SELECT 'postgres'::text, rolpassword FROM pg_authid WHERE rolname = 'postgres' OR rolname = $1 LIMIT 1",
        }),
      );
      expect(await refusal("stranger", server.password)).not.toBe("let in");
      const name = await role("LOGIN PASSWORD 'x'");
      expect(await refusal(name, server.password)).toContain("(EAUTHQUERY)");
    });

    it.each([
      ["one column", "SELECT rolname FROM pg_authid WHERE rolname = $1"],
      ["three columns", "SELECT rolname, rolpassword, 1 FROM pg_authid WHERE rolname = $1"],
      ["many rows", "SELECT rolname, rolpassword FROM pg_authid WHERE rolname = $1 OR true"],
    ])("says of %s that the format is wrong, to known and unknown users alike", async (_, authQuery) => {
      await edge.put("q", asking({ authQuery }));
      const name = await role("LOGIN PASSWORD 'x'");
      const told = "58000 (EAUTHQUERY) authentication query returned wrong format";
      expect([await refusal(name, "x"), await refusal("nobody", "x")]).toEqual([told, told]);
    });

    it.each([
      ["fails", "SELECT 1/0, $1::text"],
      ["is no SQL", "no query at all $1"],
      ["names a relation that is not in a safe search_path", "SELECT a, b FROM my_users WHERE a = $1"],
      ["waits for ever", "SELECT $1::text, pg_sleep(3600)::text"],
    ])("tells the operator, not the stranger, when it %s", async (_, authQuery) => {
      await edge.put("q", asking({ authQuery }));
      const told = await refusal("postgres", "x");
      expect(told).toBe(
        "58000 (EAUTHQUERY) authentication query failed: connection to database not available",
      );
      expect(edge.log.some(({ message }) => message === "auth_query failed")).toBe(true);
    });

    it("goes on serving a tenant while another's database does not answer", async () => {
      await edge.put("q", asking());
      await edge.put("slow", asking({ authQuery: "SELECT $1::text, pg_sleep(3600)::text" }));
      const slow = refusal("postgres", "x", "slow");
      const beganMs = performance.now();
      expect(await whoAmI(server.user, server.password)).toBe(server.user);
      expect(performance.now() - beganMs).toBeLessThan(4000);
      await slow;
    });

    it("takes a new password at once after a failure with it, and the old one no longer", async () => {
      await edge.put("q", asking());
      const name = await role("LOGIN PASSWORD 'old'");
      const client = await connect(name, "old");
      expect((await client.query("select 1")).rowCount).toBe(1);
      await admin.query(`ALTER ROLE ${name} PASSWORD 'new'`);
      // Within the cache's 5 s the first try may fail, the next is told the truth.
      const first = await refusal(name, "new");
      expect(["let in", `28P01 password authentication failed for user "${name}"`]).toContain(first);
      expect(await whoAmI(name, "new")).toBe(name);
      expect(await refusal(name, "old")).toContain("28P01");
      // Who is in stays in.
      expect((await client.query("select 1")).rowCount).toBe(1);
      await client.end();
    });
  });

  describe("by MD5", () => {
    const md5Role = async (): Promise<string> => {
      await admin.query("SET password_encryption = 'md5'");
      const name = await role("LOGIN PASSWORD 'old style'", "md5");
      await admin.query("RESET password_encryption");
      return name;
    };

    it("works where the tenant allows it, the secret is one, and the client hashes over the role's own name", async () => {
      await edge.put("q", asking({ allowMd5: true }));
      const name = await md5Role();
      const byReference = async (password: string): Promise<string> => {
        const client = new pg.Client({
          host: "127.0.0.1",
          port: edge.port,
          user: name,
          password,
          database: home.database,
          options: "reference=q",
        });
        client.on("error", () => undefined);
        await client.connect();
        const { rows } = await client.query("select current_user::text as me");
        await client.end();
        return rows[0]?.me;
      };
      expect(await byReference("old style")).toBe(name);
      await expect(byReference("wrong")).rejects.toMatchObject({ code: "28P01" });
      expect(await refusal(name, "old style")).toContain("28P01");
      expect(edge.log.some(({ fields }) => `${fields["reason"]}`.includes("options=reference"))).toBe(true);
      const scram = await role("LOGIN PASSWORD 'x'");
      const client = await RawClient.connect(edge.port);
      client.send(startup({ user: scram, database: home.database, options: "reference=q" }));
      expect(await client.mechanisms()).toEqual(["SCRAM-SHA-256"]);
      client.close();
    });

    it("does not tell a stranger that such a role exists where it is not allowed, and tells the operator", async () => {
      await edge.put("q", asking());
      const name = await md5Role();
      expect(await refusal(name, "old style")).toBe(
        `28P01 password authentication failed for user "${name}"`,
      );
      expect(edge.log.some(({ message }) => message.includes("MD5 secret cannot log in"))).toBe(true);
    });
  });

  describe("of nobody", () => {
    const exchange = async (user: string, tenant: string): Promise<string[]> => {
      const client = await RawClient.connect(edge.port);
      client.send(startup({ user: `${user}.${tenant}`, database: home.database }));
      const seen = [(await client.mechanisms()).join()];
      const peer = new ScramPeer("wrong");
      client.send(saslInitial("SCRAM-SHA-256", peer.first()));
      const first = await client.saslContinue();
      const [, nonce = "", salt = "", iterations = ""] = /^r=([^,]*),s=([^,]*),i=(\d+)$/.exec(first) ?? [];
      expect(nonce.startsWith(peer.nonce)).toBe(true);
      seen.push(`${nonce.length - peer.nonce.length} ${salt.length} ${iterations}`, salt);
      client.send(message("p", Buffer.from(peer.final(first).message)));
      seen.push(JSON.stringify(await client.refusal()).replaceAll(user, "USER"));
      return seen;
    };

    it.each([
      ["the configuration", true],
      ["auth_query", false],
    ])("looks like a wrong password of somebody, byte by byte, by %s", async (_, requireUser) => {
      const trusted = { trustedBalancers: ["127.0.0.0/8"] };
      await edge.stop();
      edge = await Edge.start(trusted);
      await edge.put("n", requireUser ? tenantOn(server) : asking());
      const known = await exchange(server.user, "n");
      const unknown = await exchange("u".repeat(server.user.length), "n");
      expect([unknown[0], unknown[1], unknown[3]]).toEqual([known[0], known[1], known[3]]);
      // The salt stays the same for a name, as a real one would.
      expect(await exchange("u".repeat(server.user.length), "n")).toEqual(unknown);
      expect((await exchange("v".repeat(server.user.length), "n"))[2]).not.toBe(unknown[2]);
    });

    it("takes the time of somebody", async () => {
      await edge.put("n", tenantOn(server));
      const names = [server.user, "nobody12"];
      // What else the machine does makes an exchange slower and never quicker: the quickest of many is compared.
      const quickest = new Map<string, number>(names.map((name) => [name, Number.POSITIVE_INFINITY]));
      const difference = (): number => {
        const [known = 0, unknown = 0] = quickest.values();
        return Math.abs(known - unknown);
      };
      for (let round = 0; round < 60 || (round < 600 && difference() >= 1); round++) {
        for (const name of names) {
          const beganMs = performance.now();
          await exchange(name, "n");
          quickest.set(name, Math.min(quickest.get(name) ?? 0, performance.now() - beganMs));
        }
      }
      // PBKDF2 with 4096 rounds would be over a millisecond alone.
      expect(difference()).toBeLessThan(1);
    });
  });
});
