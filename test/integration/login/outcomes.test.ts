import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, inject, it } from "vitest";
import { TestCa } from "../../support/certificates.js";
import { eventually } from "../../support/eventually.js";
import { int32, message, SSL_REQUEST, startup } from "../../support/protocol.js";
import { RawClient, saslInitial } from "../../support/raw-client.js";
import { RawServer } from "../../support/raw-server.js";
import { AUTH_QUERY, Edge, type EdgeTenant, tenantOn } from "./edge.js";

/** Codes of docs/errors.md for clients that no login can end with, and why. */
const NOT_OF_A_LOGIN: Readonly<Record<string, string>> = {
  ECIRCUITBREAKER: "seen below, since it needs ten others before it",
  EMAXPOOLSREACHED: "needs 500 pools: test/integration/servers",
  ESHUTTINGDOWN: "needs a data plane that stops: test/end-to-end",
  ESERVERGONE: "needs a server that dies in the middle: test/integration/servers",
  ECANCELED: "who is not logged in has no key to cancel with",
  EMAXPREPARED: "of statements",
  EMAXPINNED: "of statements",
  EIDLE: "of a session",
  EIDLETRANSACTION: "of a session",
  ETRANSACTIONTIMEOUT: "of a session",
  ESCHEMA: "of the data plane's configuration",
  ETERMINATED: "only in the moment between the password and the greeting",
};

/** How each login ended is counted, and the log has a line of it. */
describe("how logins end", () => {
  const server = inject("postgres");
  const hanging: RawClient[] = [];
  let edges: Record<"plain" | "tls" | "certified" | "narrow" | "hasty" | "balanced", Edge>;
  let broken: RawServer;

  beforeAll(async () => {
    const ca = await TestCa.make();
    const pair = await ca.issue({ dns: ["localhost"] });
    edges = {
      plain: await Edge.start(),
      tls: await Edge.start({ tls: { pairs: [pair] } }),
      certified: await Edge.start({ tls: { pairs: [pair], clientCa: ca.cert, rule: "verify-ca" } }),
      narrow: await Edge.start({ worker: { mostUnauthenticated: 1 } }),
      hasty: await Edge.start({ worker: { loginTimeoutMs: 200 } }),
      balanced: await Edge.start({ proxyProtocol: "required", trustedBalancers: ["192.0.2.0/24"] }),
    };
    // To whatever is asked of it, the same answer that no server gives.
    broken = await RawServer.start(async (connection) => {
      await connection.packet();
      connection.send(message("R", int32(7)));
    });
    const one = (change: Partial<EdgeTenant> = {}): EdgeTenant => tenantOn(server, change);
    for (const edge of Object.values(edges)) await edge.put("t", one());
    const { plain, tls } = edges;
    await tls.put("twin1", one({ sniHostname: "twin.test" }));
    await tls.put("twin2", one({ sniHostname: "twin.test" }));
    await tls.put("jit", one({ useJit: true, jitApiUrl: "http://127.0.0.1:1/" }));
    await plain.put("strict", one({ enforceSsl: true }));
    await plain.put("banned", one({ banReason: "abuse", bannedAtMs: 1n }));
    await plain.put("elsewhere", one({ allowList: ["192.0.2.0/24"] }));
    await plain.put("full", one({ defaultMaxClients: 0 }));
    await plain.put("unasked", one({ requireUser: false, authQuery: "SELECT 1" }));
    await plain.put("away", one({ dbHost: "127.0.0.1", dbPort: 1 }));
    await plain.put("broken", one({ dbHost: "127.0.0.1", dbPort: broken.port }));
    await plain.put("asked", one({ requireUser: false, authQuery: AUTH_QUERY }));
    await plain.put(
      "busy",
      one({
        users: [{ name: server.user, password: server.password, poolSize: 1, checkoutTimeoutMs: 100 }],
      }),
    );
  });
  afterAll(async () => {
    for (const client of hanging) client.close();
    await broken?.stop();
    for (const edge of Object.values(edges ?? {})) await edge.stop();
  });

  const login = (tenant: string, more: Readonly<Record<string, string>> = {}) => ({
    user: `${server.user}.${tenant}`,
    database: "postgres",
    ...more,
  });
  /** Sends bytes and waits for the end. */
  const send = async (port: number, ...bytes: readonly Buffer[]): Promise<void> => {
    const client = await RawClient.connect(port);
    client.send(...bytes);
    await client.rest();
    client.close();
  };
  const refused = (tenant: string) => (edge: Edge) => send(edge.port, startup(login(tenant)));
  /** With the right password, up to the refusal. */
  const wholeLogin = async (port: number, parameters: Readonly<Record<string, string>>): Promise<void> => {
    const client = await RawClient.connect(port);
    await expect(client.logIn(parameters, server)).rejects.toThrow();
    client.close();
  };

  type Way = readonly [
    code: string,
    edge: keyof typeof edges,
    tenant: string,
    end: (edge: Edge) => Promise<void>,
  ];
  const ways: readonly Way[] = [
    ["ENOIDENTIFIER", "plain", "", (edge) => send(edge.port, startup({ user: "x" }))],
    ["ENOTFOUND", "plain", "", refused("nobody")],
    [
      "EMULTIPLEUSERS",
      "tls",
      "",
      async (edge) => {
        const client = await RawClient.connect(edge.port);
        await client.requestTls({ servername: "twin.test" });
        client.send(startup({ user: server.user }));
        await client.refusal();
      },
    ],
    ["EINVALIDUSERINFO", "plain", "", (edge) => send(edge.port, startup({ user: `${"x".repeat(64)}.t` }))],
    ["ESSLREQUIRED", "plain", "strict", refused("strict")],
    [
      "ECLIENTCERT",
      "certified",
      "t",
      async (edge) => {
        const client = await RawClient.connect(edge.port);
        await client.requestTls();
        client.send(startup(login("t")));
        await client.refusal();
      },
    ],
    ["EBANNED", "plain", "banned", refused("banned")],
    ["EADDRNOTALLOWED", "plain", "elsewhere", refused("elsewhere")],
    ["EMAXCONN", "plain", "full", (edge) => wholeLogin(edge.port, login("full"))],
    ["EMAXCONNSESSION", "plain", "full", (edge) => wholeLogin(edge.sessionPort, login("full"))],
    [
      "EMAXUNAUTHENTICATED",
      "narrow",
      "",
      async (edge) => {
        const first = await RawClient.connect(edge.port);
        hanging.push(first);
        first.send(SSL_REQUEST);
        await first.bytes(1);
        await send(edge.port, startup(login("t")));
      },
    ],
    [
      "EAUTHPROTOCOL",
      "plain",
      "t",
      (edge) => send(edge.port, startup(login("t")), saslInitial("SCRAM-SHA-1", "x")),
    ],
    ["EAUTHTIMEOUT", "hasty", "t", refused("t")],
    ["EAUTHQUERY", "plain", "unasked", refused("unasked")],
    [
      "EJITREQUESTFAILED",
      "tls",
      "jit",
      async (edge) => {
        const client = await RawClient.connect(edge.port);
        await client.requestTls();
        client.send(startup(login("jit", { options: "jit=true" })));
        await client.expect("R");
        client.send(message("p", Buffer.from("token\0")));
        await client.refusal();
      },
    ],
    [
      "ECHECKOUTTIMEOUT",
      "plain",
      "busy",
      async (edge) => {
        const first = await RawClient.connect(edge.sessionPort);
        hanging.push(first);
        await first.logIn(login("busy"), server);
        await wholeLogin(edge.sessionPort, login("busy"));
      },
    ],
    ["EUPSTREAM", "plain", "away", (edge) => wholeLogin(edge.sessionPort, login("away"))],
    ["ESERVERAUTH", "plain", "broken", (edge) => wholeLogin(edge.sessionPort, login("broken"))],
    ["ESERVER", "plain", "t", (edge) => wholeLogin(edge.sessionPort, login("t", { database: "not there" }))],
    ["EREPLICATION", "plain", "", (edge) => send(edge.port, startup(login("t", { replication: "true" })))],
    ["EPROTOCOL", "plain", "t", (edge) => send(edge.port, startup(login("t")), message("Q"))],
    ["ESTARTUPMESSAGE", "plain", "", (edge) => send(edge.port, int32(3))],
    ["ESTARTUPPACKETTOOLARGE", "plain", "", (edge) => send(edge.port, int32(10_001))],
    ["EPROTOCOLVERSION", "plain", "", (edge) => send(edge.port, startup({ user: "x" }, 0x0002_0000))],
    ["EPROXYHEADER", "balanced", "", (edge) => send(edge.port, startup(login("t")))],
    [
      "ESSLHANDSHAKE",
      "tls",
      "",
      async (edge) => {
        const client = await RawClient.connect(edge.port);
        client.send(SSL_REQUEST);
        await client.bytes(1);
        client.send(Buffer.from("no handshake at all"));
        await client.rest();
        client.close();
      },
    ],
    [
      "EWRONGPASSWORD",
      "plain",
      "t",
      async (edge) => {
        const client = await RawClient.connect(edge.port);
        await expect(client.logIn(login("t"), { password: "wrong" })).rejects.toThrow();
        client.close();
      },
    ],
  ];

  const countOf = (edge: Edge, tenant: string, code: string): number =>
    edge.figures.logins().find(({ outcome: [ofTenant, outcome] }) => ofTenant === tenant && outcome === code)
      ?.count ?? 0;

  // At once: figures come once a second.
  it.concurrent.each(
    ways,
  )("%s is counted, at %s, for tenant '%s', and logged", async (code, name, tenant, end) => {
    const edge = edges[name];
    const before = countOf(edge, tenant, code);
    const lines = edge.logged(code).length;
    await end(edge);
    await eventually("the count", () => countOf(edge, tenant, code) === before + 1, { timeoutMs: 20_000 });
    expect(edge.logged(code).length).toBeGreaterThan(lines);
  });

  it("ECIRCUITBREAKER and ok are counted too, for their tenant", async () => {
    const edge = edges.plain;
    await edge.put("guessed", tenantOn(server));
    const client = await RawClient.connect(edge.port);
    await client.logIn(login("guessed"), server);
    client.close();
    for (let i = 0; i < 11; i++) {
      const guesser = await RawClient.connect(edge.port);
      await expect(guesser.logIn(login("guessed"), { password: "wrong" })).rejects.toThrow();
      guesser.close();
    }
    await eventually("the counts", () => countOf(edge, "guessed", "ECIRCUITBREAKER") === 1, {
      timeoutMs: 20_000,
    });
    expect(countOf(edge, "guessed", "ok")).toBe(1);
    expect(countOf(edge, "guessed", "EWRONGPASSWORD")).toBe(10);
  });

  it("each code that a client may read is provoked here, or cannot end a login", () => {
    const page = readFileSync(join(import.meta.dirname, "../../../docs/errors.md"), "utf8");
    const [, ofClients = ""] = page.split("## Read by clients of a data plane");
    const codes = [...(ofClients.split("\n## ")[0] ?? "").matchAll(/^\| `(E\w+)`/gm)].map(([, code]) => code);
    expect(codes.length).toBeGreaterThan(30);
    const seen = new Set([...ways.map(([code]) => code), ...Object.keys(NOT_OF_A_LOGIN)]);
    expect(codes.filter((code) => code !== undefined && !seen.has(code))).toEqual([]);
  });
});
