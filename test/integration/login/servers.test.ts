import { randomBytes } from "node:crypto";
import { networkInterfaces } from "node:os";
import { IpVersion, UpstreamVerify } from "@sluice/shared/bundle";
import pg from "pg";
import { afterAll, afterEach, beforeAll, describe, expect, inject, it } from "vitest";
import { type Pair, TestCa } from "../../support/certificates.js";
import { eventually } from "../../support/eventually.js";
import { cstring, int32, message } from "../../support/protocol.js";
import { RawServer, type RawServerConnection } from "../../support/raw-server.js";
import { TlsPostgres } from "../../support/tls-postgres.js";
import { AUTH_QUERY, Edge, type EdgeTenant, tenantOn } from "./edge.js";

const PASSWORD = "never-to-be-seen";

describe("logging in to servers", () => {
  const plain = inject("postgres");
  let ca: TestCa;
  let other: TestCa;
  let good: Pair;
  let server: TlsPostgres;
  let edge: Edge;
  let raw: RawServer | undefined;

  beforeAll(async () => {
    ca = await TestCa.make("Databases");
    other = await TestCa.make("Somebody else");
    good = await ca.issue({ dns: ["localhost"], ip: ["127.0.0.1"] });
    server = await TlsPostgres.start(good);
    edge = await Edge.start({ globalCa: other.cert });
  });
  afterEach(async () => {
    await raw?.stop();
    raw = undefined;
  });
  afterAll(async () => {
    await edge?.stop();
    await server?.stop();
  });

  const peer = (change: Partial<EdgeTenant> = {}): Partial<EdgeTenant> => ({
    dbHost: "localhost",
    upstreamSsl: true,
    upstreamVerify: UpstreamVerify.PEER,
    upstreamTlsCa: ca.cert,
    ...change,
  });
  /** In session mode the server is taken at login, so its failure is told there. */
  const rows = async (tenant: EdgeTenant, sql = "select 1 as one"): Promise<readonly unknown[]> => {
    const id = `t${randomBytes(4).toString("hex")}`;
    await edge.put(id, tenant);
    const [user] = tenant.users;
    const client = new pg.Client({
      host: "127.0.0.1",
      port: edge.sessionPort,
      user: `${user?.name}.${id}`,
      password: user?.password ?? "",
      database: "postgres",
    });
    client.on("error", () => undefined);
    await client.connect();
    try {
      return (await client.query(sql)).rows;
    } finally {
      await client.end();
    }
  };
  /** What the client is told, and that neither it nor the log has the password. */
  const refusal = async (tenant: EdgeTenant): Promise<{ told: string; logged: string }> => {
    const before = edge.log.length;
    const told = await rows(tenant).then(
      () => "let in",
      (error: { code?: string; message: string }) => `${error.code} ${error.message}`,
    );
    const lines = await eventually("a line in the log", () => {
      const found = edge.log.slice(before).flatMap(({ fields }) => {
        const { error } = fields;
        return error instanceof Error ? [error.message] : [];
      });
      return found.length > 0 ? found : undefined;
    });
    const logged = lines.join("\n");
    for (const text of [told, logged]) {
      expect(text).not.toContain(PASSWORD);
      expect(text).not.toContain(plain.password.length > 8 ? plain.password : PASSWORD);
    }
    return { told, logged };
  };

  describe("over TLS", () => {
    it("encrypts with any certificate for verify none", async () => {
      const sql = "select ssl from pg_stat_ssl where pid = pg_backend_pid()";
      expect(
        await rows(tenantOn(server, { upstreamSsl: true, upstreamVerify: UpstreamVerify.NONE }), sql),
      ).toEqual([{ ssl: true }]);
      expect(await rows(tenantOn(server), sql)).toEqual([{ ssl: false }]);
    });

    it("checks chain and name for verify peer, by host name and by address", async () => {
      for (const dbHost of ["localhost", "127.0.0.1"])
        expect(await rows(tenantOn(server, peer({ dbHost })))).toEqual([{ one: 1 }]);
    });

    it("finds the CA in a bundle of several, and the tenant's wins over the global one", async () => {
      expect(await rows(tenantOn(server, peer({ upstreamTlsCa: `${other.cert}\n${ca.cert}` })))).toEqual([
        { one: 1 },
      ]);
      const withGlobal = await refusal(tenantOn(server, peer({ upstreamTlsCa: "" })));
      expect(withGlobal.told).toBe("08006 Failed to connect to database: tls handshake failed");
      const wide = await Edge.start({ globalCa: ca.cert });
      try {
        const before = edge;
        edge = wide;
        expect(await rows(tenantOn(server, peer({ upstreamTlsCa: "" })))).toEqual([{ one: 1 }]);
        expect((await refusal(tenantOn(server, peer({ upstreamTlsCa: other.cert })))).told).toContain(
          "tls handshake",
        );
        edge = before;
      } finally {
        await wide.stop();
      }
    });

    it("takes the name of upstream_tls_name where it differs from the host", async () => {
      await server.show(await ca.issue({ dns: ["db.internal"] }));
      expect(await rows(tenantOn(server, peer({ upstreamTlsName: "db.internal" })))).toEqual([{ one: 1 }]);
      await server.show(good);
    });

    it("asks auth_query over the same rules", async () => {
      const asking = { requireUser: false, authQuery: AUTH_QUERY };
      expect(await rows(tenantOn(server, peer(asking)))).toEqual([{ one: 1 }]);
      const { told, logged } = await refusal(
        tenantOn(server, peer({ ...asking, upstreamTlsCa: other.cert })),
      );
      expect(told).toBe(
        "58000 (EAUTHQUERY) authentication query failed: connection to database not available",
      );
      expect(logged).toContain("certificate");
    });

    it.each([
      ["of another CA", () => other.issue({ dns: ["localhost"] }), /unable to verify|self.signed|issuer/],
      ["that has expired", () => ca.issue({ dns: ["localhost"], expired: true }), /expired/],
      ["for another name", () => ca.issue({ dns: ["db.example"] }), /db\.example|altnames/i],
      ["without any name", () => ca.issue({ commonName: "nobody" }), /altnames|localhost/i],
      [
        "whose name ends before a zero byte",
        () => ca.issue({ dns: ["localhost\0.evil.example"] }),
        /altnames|localhost/i,
      ],
    ])("refuses a certificate %s, and tells the operator why and the client no more than that", async (_, make, why) => {
      await server.show(await make());
      const { told, logged } = await refusal(tenantOn(server, peer()));
      await server.show(good);
      expect(told).toBe("08006 Failed to connect to database: tls handshake failed");
      expect(logged).toMatch(why);
    });

    it("refuses a server that has no TLS", async () => {
      const { told } = await refusal(tenantOn(plain, peer()));
      expect(told).toBe("08006 Failed to connect to database: ssl_not_available");
    });

    it.each([
      ["an N, put there by somebody in between", Buffer.from("N"), "ssl_not_available"],
      ["an error", message("E", Buffer.from("SFATAL\0C08006\0Mleak\0\0")), "ssl_not_available"],
      ["bytes behind the S (CVE-2021-43767)", Buffer.from("Sinjected"), "protocol violation"],
      ["an S and a close", Buffer.from("S"), "tls handshake failed"],
    ])("refuses %s", async (_, answer, reason) => {
      raw = await RawServer.start(async (connection) => {
        await connection.packet();
        connection.send(answer);
        connection.socket.end();
      });
      const { told } = await refusal(
        tenantOn(plain, peer({ dbPort: raw.port, users: [{ name: "u", password: PASSWORD }] })),
      );
      expect(told).toBe(`08006 Failed to connect to database: ${reason}`);
    });

    it("binds SCRAM to the server's certificate, and refuses when the offer was stripped", async () => {
      const seen: string[] = [];
      raw = await RawServer.start(async (connection) => {
        await connection.packet();
        connection.send(Buffer.from("S"));
        await connection.startTls({ cert: good.cert, key: good.key });
        await connection.packet();
        const offered = seen.length === 0 ? ["SCRAM-SHA-256-PLUS", "SCRAM-SHA-256"] : ["SCRAM-SHA-256"];
        connection.send(message("R", Buffer.concat([int32(10), ...offered.map(cstring), Buffer.of(0)])));
        seen.push((await connection.expect("p")).toString("latin1"));
        connection.socket.end();
      });
      const tenant = tenantOn(plain, peer({ dbPort: raw.port, users: [{ name: "u", password: PASSWORD }] }));
      await refusal(tenant);
      await refusal(tenant);
      expect(seen[0]).toMatch(/^SCRAM-SHA-256-PLUS\0.{4}p=tls-server-end-point,,n=,r=/s);
      expect(seen[1]).toMatch(/^SCRAM-SHA-256\0.{4}y,,n=,r=/s);
    });

    it("cancels over TLS", async () => {
      const began = rows(tenantOn(server, peer()), "select pg_sleep(60)");
      const failed = began.then(
        () => undefined,
        (error: { code?: string }) => error.code,
      );
      await eventually("the query runs", () =>
        server.run(async (client) => {
          const { rowCount } = await client.query(
            "select pg_cancel_backend(pid) from pg_stat_activity where query = 'select pg_sleep(60)' and state = 'active'",
          );
          return rowCount === 1;
        }),
      );
      expect(await failed).toBe("57014");
    });
  });

  describe("by address family", () => {
    it("goes where ip_version says, and tries both for auto", async () => {
      const at = (dbHost: string, ipVersion: IpVersion) => rows(tenantOn(plain, { dbHost, ipVersion }));
      expect(await at("127.0.0.1", IpVersion.V4)).toEqual([{ one: 1 }]);
      expect(await at("localhost", IpVersion.V4)).toEqual([{ one: 1 }]);
      // The test's server listens on v4 only.
      expect(await at("localhost", IpVersion.AUTO)).toEqual([{ one: 1 }]);
      const { told } = await refusal(tenantOn(plain, { dbHost: "localhost", ipVersion: IpVersion.V6 }));
      expect(told).toMatch(
        /^08006 Failed to connect to database: (connection refused|host not found|connection failed)$/,
      );
    });

    it.each([
      ["nobody.invalid", 5432, "host not found"],
      ["127.0.0.1", 1, "connection refused"],
    ])("says of %s:%i: %s", async (dbHost, dbPort, reason) => {
      const { told } = await refusal(tenantOn(plain, { dbHost, dbPort }));
      expect(told).toBe(`08006 Failed to connect to database: ${reason}`);
    });
  });

  describe("with older methods, at real Postgres", () => {
    it.each(["md5", "clear"])("works for a stored password: %s", async (method) => {
      const name = `${method}_${randomBytes(4).toString("hex")}`;
      const admin = new pg.Client({ ...plain, database: "postgres" });
      await admin.connect();
      try {
        await admin.query(`SET password_encryption = '${method === "md5" ? "md5" : "scram-sha-256"}'`);
        await admin.query(`CREATE ROLE ${name} LOGIN PASSWORD '${PASSWORD}'`);
        const tenant = tenantOn(plain, { users: [{ name, password: PASSWORD }] });
        expect(await rows(tenant, "select current_user::text as me")).toEqual([{ me: name }]);
        await edge.put("gone", tenantOn(plain));
      } finally {
        await admin.query("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = $1", [
          name,
        ]);
        await admin.query(`DROP ROLE ${name}`);
        await admin.end();
      }
    });
  });

  describe("that mean harm", () => {
    const sasl = message("R", Buffer.concat([int32(10), cstring("SCRAM-SHA-256"), Buffer.of(0)]));
    const continued = (text: string): Buffer => message("R", Buffer.concat([int32(11), Buffer.from(text)]));
    const against = async (
      script: (connection: RawServerConnection, clientNonce: string) => Promise<void> | void,
    ): Promise<{ told: string; logged: string }> => {
      raw = await RawServer.start(async (connection) => {
        await connection.packet();
        connection.send(sasl);
        const first = (await connection.expect("p")).toString("latin1");
        await script(connection, /r=(.*)$/.exec(first)?.[1] ?? "");
      });
      return await refusal(
        tenantOn(plain, {
          dbHost: "127.0.0.1",
          dbPort: raw.port,
          users: [{ name: "u", password: PASSWORD }],
        }),
      );
    };
    const salt = Buffer.from("salt").toString("base64");

    it.each([
      ["a nonce of its own", () => `r=other,s=${salt},i=4096`],
      ["our nonce and nothing more", (nonce: string) => `r=${nonce},s=${salt},i=4096`],
      [
        "a very long nonce (CVE-2026-6665)",
        (nonce: string) => `r=${nonce}${"x".repeat(50_000)},s=${salt},i=4096`,
      ],
      ["an iteration bomb", (nonce: string) => `r=${nonce}x,s=${salt},i=2147483647`],
      ["no iterations", (nonce: string) => `r=${nonce}x,s=${salt},i=0`],
      ["a salt that is no base64", (nonce: string) => `r=${nonce}x,s=%%%,i=4096`],
      ["nothing", () => ""],
    ])("are refused with %s", async (_, make) => {
      const { told } = await against((connection, nonce) => {
        connection.send(continued(make(nonce)));
      });
      expect(told).toBe("08006 Failed to connect to database: authentication with the server failed");
    });

    it("are refused when they skip their proof, or give a wrong one", async () => {
      for (const last of [
        message("R", int32(0)),
        message("R", Buffer.concat([int32(12), Buffer.from(`v=${Buffer.alloc(32).toString("base64")}`)])),
        sasl,
      ]) {
        const { told } = await against(async (connection, nonce) => {
          connection.send(continued(`r=${nonce}x,s=${salt},i=4096`));
          await connection.expect("p");
          connection.send(last).greet();
        });
        expect(told).toBe("08006 Failed to connect to database: authentication with the server failed");
        await raw?.stop();
      }
    });

    it.each([
      [
        "an error without SQLSTATE (CVE-2026-6666)",
        message("E", Buffer.from("Mno code\0\0")),
        "XX000 no code",
      ],
      ["an empty error", message("E", Buffer.of(0)), "XX000 the server sent an error without a message"],
      ["an error without an end", message("E", Buffer.from("SFATAL\0C28000\0Mcut")), "28000 cut"],
    ])("do no harm with %s", async (_, bytes, expected) => {
      const { told } = await against((connection) => {
        connection.send(bytes);
      });
      expect(told).toBe(expected);
    });

    it.each([
      ["an unknown message", message("?", Buffer.from("x"))],
      ["a message of 2 GB", message("S", Buffer.alloc(0), 0x7fff_ffff)],
      ["a negative length", message("S", Buffer.alloc(0), -5)],
      ["ReadyForQuery before all else", message("Z", Buffer.from("I"))],
      ["a ParameterStatus without an end", message("S", Buffer.from("a"))],
      ["an unknown method", message("R", int32(7))],
      ["a close", Buffer.alloc(0)],
    ])("do no harm with %s", async (_, bytes) => {
      const { told } = await against((connection) => {
        connection.send(bytes);
        connection.socket.end();
      });
      expect(told).toMatch(/^08/);
    });

    it("may send notices and parameters between the messages of a login", async () => {
      raw = await RawServer.start(async (connection) => {
        await connection.packet();
        connection.send(
          message("N", Buffer.from("SNOTICE\0C00000\0Mhello\0\0")),
          message("S", Buffer.from("in_hot_standby\0off\0")),
          message("v", Buffer.concat([int32(0x0003_0000), int32(0)])),
        );
        connection.greet();
        for (;;) {
          await connection.expect("Q");
          connection.send(message("C", cstring("SELECT 0")), message("Z", Buffer.from("I")));
        }
      });
      const users = [{ name: "u", password: PASSWORD }];
      expect(await rows(tenantOn(plain, { dbHost: "127.0.0.1", dbPort: raw.port, users }))).toEqual([]);
    });

    it.each([
      [
        "rows without end",
        message("D", Buffer.concat([Buffer.of(0, 1), int32(60_000), Buffer.alloc(60_000)])),
      ],
      ["one row without end", message("D", Buffer.alloc(60_000), 0x7fff_ffff)],
      ["notices without end", message("N", Buffer.alloc(60_000, "x"))],
    ])("are not listened to for long as databases of auth_query: %s", async (_, bytes) => {
      let sent = 0;
      for (const pair of [undefined, good]) {
        raw = await RawServer.start(async (connection) => {
          if (pair !== undefined) {
            await connection.packet();
            connection.send(Buffer.from("S"));
            await connection.startTls(pair);
          }
          await connection.packet();
          connection.greet();
          await connection.bytes(1);
          const { socket } = connection;
          const more = (): void => {
            while (!socket.destroyed) {
              sent += bytes.length;
              if (!socket.write(bytes)) break;
            }
          };
          socket.on("drain", more);
          more();
          await connection.rest();
        });
        const { told } = await refusal(
          tenantOn(plain, {
            dbHost: "127.0.0.1",
            dbPort: raw.port,
            ...(pair === undefined ? {} : { upstreamSsl: true, upstreamVerify: UpstreamVerify.NONE }),
            requireUser: false,
            authQuery: AUTH_QUERY,
            users: [{ name: "u", password: PASSWORD, manager: true }],
          }),
        );
        expect(told).toBe(
          "58000 (EAUTHQUERY) authentication query failed: connection to database not available",
        );
        await raw.stop();
      }
      // Twice a megabyte, and what was in the network's buffers.
      expect(sent).toBeLessThan(40 * 1024 * 1024);
    });

    it.each([
      ["a notice without an end", message("N", Buffer.from("Mcut"))],
      ["an error without an end", message("E", Buffer.from("Mcut\0"))],
      ["an empty notice", message("N")],
      ["an error with something behind its end", message("E", Buffer.from("Mcut\0\0Mmore\0"))],
      ["half a number", message("K", Buffer.of(0))],
      ["a row of fewer values than it says", message("D", Buffer.of(0, 9))],
      ["a length that is none", message("C", Buffer.alloc(0), 3)],
    ])("stop nobody else as databases of auth_query: %s", async (_, bytes) => {
      for (const greets of [false, true]) {
        raw = await RawServer.start(async (connection) => {
          await connection.packet();
          if (greets) connection.greet();
          if (greets) await connection.bytes(1);
          connection.send(bytes);
          await connection.rest();
        });
        const { told } = await refusal(
          tenantOn(plain, {
            dbHost: "127.0.0.1",
            dbPort: raw.port,
            requireUser: false,
            authQuery: AUTH_QUERY,
            users: [{ name: "u", password: PASSWORD, manager: true }],
          }),
        );
        expect(told).toBe(
          "58000 (EAUTHQUERY) authentication query failed: connection to database not available",
        );
        await raw.stop();
      }
    });

    const outside = Object.values(networkInterfaces())
      .flat()
      .find((address) => address?.family === "IPv4" && !address.internal)?.address;
    it.skipIf(outside === undefined)(
      "never get a password in clear over an open network, nor over unverified TLS, not the manager's either",
      async () => {
        const host = outside ?? "";
        const askings: readonly Partial<EdgeTenant>[] = [{}, { requireUser: false, authQuery: AUTH_QUERY }];
        // Of the global CA, but for another name; and of a CA that nobody knows.
        const pairs = [undefined, await other.issue({ dns: ["db.example"] }), await ca.issue({ ip: [host] })];
        for (const [pair, asking] of pairs.flatMap((pair) =>
          askings.map((asking) => [pair, asking] as const),
        )) {
          const upstreamSsl = pair !== undefined;
          const got: string[] = [];
          raw = await RawServer.start(async (connection) => {
            if (pair !== undefined) {
              await connection.packet();
              connection.send(Buffer.from("S"));
              await connection.startTls(pair);
            }
            await connection.packet();
            connection.send(message("R", int32(3)));
            got.push((await connection.rest()).toString());
          }, host);
          const { told } = await refusal(
            tenantOn(plain, {
              dbHost: host,
              dbPort: raw.port,
              upstreamSsl,
              upstreamVerify: upstreamSsl ? UpstreamVerify.NONE : UpstreamVerify.UNSPECIFIED,
              users: [{ name: "u", password: PASSWORD, manager: true }],
              ...asking,
            }),
          );
          expect(told).toBe(
            asking.requireUser === false
              ? "58000 (EAUTHQUERY) authentication query failed: connection to database not available"
              : "08006 Failed to connect to database: authentication with the server failed",
          );
          await eventually("the close", () => got.length === 1);
          expect(got).toEqual([""]);
          await raw.stop();
        }
      },
    );
  });
});
