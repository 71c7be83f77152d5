import { X509Certificate } from "node:crypto";
import { afterEach, beforeAll, describe, expect, inject, it } from "vitest";
import { type Pair, TestCa } from "../../support/certificates.js";
import { eventually } from "../../support/eventually.js";
import { SSL_REQUEST, startup } from "../../support/protocol.js";
import { RawClient, saslInitial } from "../../support/raw-client.js";
import { psql } from "../../support/tools.js";
import { Edge, type EdgeOptions, tenantOn } from "./edge.js";

const ALPN = { ALPNProtocols: ["postgresql"] };

describe("TLS to clients", () => {
  const server = inject("postgres");
  const login = { user: `${server.user}.t`, database: "postgres" };
  let ca: TestCa;
  let pair: Pair;
  let edge: Edge;

  beforeAll(async () => {
    ca = await TestCa.make();
    pair = await ca.issue({ dns: ["localhost"], ip: ["127.0.0.1"] });
  });
  afterEach(async () => {
    await edge?.stop();
  });

  const start = async (options: EdgeOptions["tls"], tenant = {}): Promise<void> => {
    edge = await Edge.start({ tls: options ?? { pairs: [pair] } });
    await edge.put("t", tenantOn(server, tenant));
  };
  const subjectSeen = async (servername: string | undefined, sigalgs?: string): Promise<string> => {
    const client = await RawClient.connect(edge.port);
    const socket = await client.requestTls({
      ...(servername === undefined ? {} : { servername }),
      ...(sigalgs === undefined ? {} : { sigalgs }),
    });
    const { subject } = socket.getPeerCertificate();
    client.close();
    return `${subject.CN}`;
  };

  it("is spoken after SSLRequest, and without it with ALPN", async () => {
    await start({ pairs: [pair] });
    const asked = await RawClient.connect(edge.port);
    await asked.requestTls();
    await asked.logIn(login, server);
    expect(await asked.query("select 1")).toEqual([["1"]]);
    asked.close();
    const direct = await RawClient.connect(edge.port);
    const socket = await direct.startTls(ALPN);
    expect(socket.alpnProtocol).toBe("postgresql");
    await direct.logIn(login, server);
    expect(await direct.query("select 1")).toEqual([["1"]]);
    direct.close();
  });

  it("is refused direct without ALPN, with another protocol's, and behind an N", async () => {
    await start({ pairs: [pair] });
    const without = await RawClient.connect(edge.port);
    await without.startTls();
    without.send(startup(login));
    expect((await without.rest()).length).toBe(0);
    without.close();
    const other = await RawClient.connect(edge.port);
    await expect(other.startTls({ ALPNProtocols: ["http/1.1"] })).rejects.toThrow();
    other.close();
    await eventually("the log tells", () => edge.logged("ESSLHANDSHAKE").length >= 2);
  });

  it("is refused quietly where there is no certificate", async () => {
    edge = await Edge.start();
    const client = await RawClient.connect(edge.port);
    await expect(client.startTls(ALPN)).rejects.toThrow();
    client.close();
  });

  it("is not begun before the S was read: injected bytes end the connection", async () => {
    await start({ pairs: [pair] });
    const client = await RawClient.connect(edge.port);
    client.send(SSL_REQUEST, Buffer.from("injected"));
    expect((await client.refusal())["C"]).toBe("08P01");
  });

  it("has a floor", async () => {
    await start({ pairs: [pair], floor: "TLSv1.3" });
    const old = await RawClient.connect(edge.port);
    await expect(old.requestTls({ maxVersion: "TLSv1.2" })).rejects.toThrow();
    old.close();
    await edge.stop();
    await start({ pairs: [pair] });
    const older = await RawClient.connect(edge.port);
    await expect(
      older.requestTls({ minVersion: "TLSv1.1", maxVersion: "TLSv1.1", ciphers: "DEFAULT@SECLEVEL=0" }),
    ).rejects.toThrow();
    older.close();
    const twelve = await RawClient.connect(edge.port);
    expect((await twelve.requestTls({ maxVersion: "TLSv1.2" })).getProtocol()).toBe("TLSv1.2");
    await twelve.logIn(login, server);
    twelve.close();
  });

  it("shows the certificate for the name that the client asks for, RSA or ECDSA as it can", async () => {
    const names = { dns: ["*.pool.example", "pool.example"] };
    await start({
      pairs: [
        pair,
        await ca.issue({ commonName: "pool ecdsa", ...names }),
        await ca.issue({ commonName: "pool rsa", type: "rsa", ...names }),
        await ca.issue({ commonName: "other", dns: ["other.example"] }),
      ],
    });
    expect(await subjectSeen(undefined)).toBe("leaf");
    expect(await subjectSeen("unknown.example")).toBe("leaf");
    expect(await subjectSeen("other.example")).toBe("other");
    expect(await subjectSeen("a.pool.example", "ecdsa_secp256r1_sha256")).toBe("pool ecdsa");
    expect(await subjectSeen("A.POOL.EXAMPLE", "RSA-PSS+SHA256")).toBe("pool rsa");
    expect(await subjectSeen("a.b.pool.example")).toBe("leaf");
  });

  it("shows a renewed certificate without a restart, and keeps the one before when the new one is broken", async () => {
    await start({ pairs: [pair] });
    const before = await RawClient.connect(edge.port);
    await before.requestTls();
    await before.logIn(login, server);
    edge.writePairs([await ca.issue({ commonName: "renewed", dns: ["localhost"] })]);
    await eventually("the renewed one", async () => (await subjectSeen("localhost")) === "renewed");
    expect(await subjectSeen(undefined)).toBe("renewed");
    edge.writePairs([{ cert: pair.cert, key: (await ca.issue()).key }]);
    await eventually("the complaint", () =>
      edge.log.some(({ message }) => message.includes("cannot be used")),
    );
    expect(await subjectSeen("localhost")).toBe("renewed");
    // Sessions notice nothing of it.
    expect(await before.query("select 1")).toEqual([["1"]]);
    before.close();
  });

  it("binds to the certificate that was shown, of several types", async () => {
    const names = { dns: ["localhost"] };
    await start({ pairs: [await ca.issue({ type: "rsa", ...names }), await ca.issue(names)] });
    for (const [sigalgs, curve] of [
      ["RSA-PSS+SHA256", undefined],
      ["ecdsa_secp256r1_sha256", "P-256"],
    ] as const) {
      const client = await RawClient.connect(edge.port);
      const socket = await client.requestTls({ sigalgs });
      expect(socket.getPeerCertificate().nistCurve).toBe(curve);
      await client.logIn(login, { ...server, plus: true });
      client.close();
    }
  });

  it("binds to the certificate that was shown, also when another came in the middle of the handshake", async () => {
    await start({ pairs: [pair] });
    const slow = await RawClient.connect(edge.port);
    slow.send(SSL_REQUEST);
    expect((await slow.bytes(1)).toString()).toBe("S");
    edge.writePairs([await ca.issue({ commonName: "renewed", dns: ["localhost"] })]);
    await eventually("the renewed one", async () => (await subjectSeen("localhost")) === "renewed");
    const secure = await slow.startTls();
    expect(secure.getPeerCertificate().subject.CN).toBe("leaf");
    await slow.logIn(login, { ...server, plus: true });
    slow.close();
  });

  it("is demanded by enforce_ssl, before any password", async () => {
    await start({ pairs: [pair] }, { enforceSsl: true });
    const plain = await RawClient.connect(edge.port);
    plain.send(startup(login));
    expect(await plain.refusal()).toMatchObject({
      S: "FATAL",
      C: "28000",
      M: `(ESSLREQUIRED) SSL connection is required for user: ${server.user}`,
    });
    const secure = await RawClient.connect(edge.port);
    await secure.requestTls();
    await secure.logIn(login, server);
    secure.close();
  });

  it("finds the tenant by the server name, by its first label too", async () => {
    await start({ pairs: [pair] }, { sniHostname: "db.customer.example" });
    for (const servername of ["db.customer.example", "t.pool.example"]) {
      const client = await RawClient.connect(edge.port);
      await client.requestTls({ servername });
      await client.logIn({ user: server.user, database: "postgres" }, server);
      client.close();
    }
    const nobody = await RawClient.connect(edge.port);
    await nobody.requestTls({ servername: "nobody.example" });
    nobody.send(startup({ user: server.user }));
    expect((await nobody.refusal())["M"]).toContain("(ENOIDENTIFIER)");
  });

  it.each([
    "SHA-256",
    "SHA-384",
    "SHA-512",
  ] as const)("binds SCRAM to a certificate signed with %s", async (hash) => {
    await start({ pairs: [await ca.issue({ dns: ["localhost"], hash })] });
    const client = await RawClient.connect(edge.port);
    await client.requestTls({ servername: "localhost" });
    client.send(startup(login));
    expect(await client.mechanisms()).toEqual(["SCRAM-SHA-256-PLUS", "SCRAM-SHA-256"]);
    client.close();
    // libpq takes the hash from the certificate itself.
    const url = `postgresql://${server.user}.t:${server.password}@localhost:${edge.port}/postgres?sslmode=require&channel_binding=require`;
    const { stdout, stderr } = await psql(url, "select 1");
    expect([stdout.trim(), stderr]).toEqual(["1", ""]);
  });

  it("lets in with -PLUS who computes the binding as the RFC says, and nobody with another", async () => {
    await start({ pairs: [pair] });
    const good = await RawClient.connect(edge.port);
    await good.requestTls();
    await good.logIn(login, { ...server, plus: true });
    good.close();
    expect(new X509Certificate(pair.cert).raw.length).toBeGreaterThan(0);
    for (const [mechanism, gs2] of [
      ["SCRAM-SHA-256", "y,,"],
      ["SCRAM-SHA-256-PLUS", "p=tls-unique,,"],
      ["SCRAM-SHA-256-PLUS", "n,,"],
      ["SCRAM-SHA-256", "p=tls-server-end-point,,"],
    ] as const) {
      const client = await RawClient.connect(edge.port);
      await client.requestTls();
      client.send(startup(login));
      await client.mechanisms();
      client.send(saslInitial(mechanism, `${gs2}n=,r=abcdefgh`));
      expect((await client.refusal())["M"]).toContain("(EAUTHPROTOCOL)");
    }
  });

  it("asks for a client certificate where there is a CA for them, in words that psql shows", async () => {
    const clients = await TestCa.make("Clients");
    await start({ pairs: [pair], clientCa: clients.cert, rule: "verify-full" });
    const message = "(ECLIENTCERT) connection requires a valid client certificate";
    const plain = await RawClient.connect(edge.port);
    plain.send(startup(login));
    expect((await plain.refusal())["M"]).toBe(message);
    const attempt = async (shown: Pair | undefined): Promise<string | undefined> => {
      const client = await RawClient.connect(edge.port);
      await client.requestTls(shown === undefined ? {} : { cert: shown.cert, key: shown.key });
      client.send(startup(login));
      const told = (await client.refusal())["M"];
      return told;
    };
    expect(await attempt(undefined)).toBe(message);
    expect(await attempt(await ca.issue({ commonName: `${server.user}.t` }))).toBe(message);
    expect(await attempt(await clients.issue({ commonName: `${server.user}.t`, expired: true }))).toBe(
      message,
    );
    expect(await attempt(await clients.issue({ commonName: `${server.user}.other` }))).toBe(message);
    expect(await attempt(await clients.issue({ commonName: server.user }))).toBe(message);
    const right = await clients.issue({ commonName: `${server.user}.t` });
    const client = await RawClient.connect(edge.port);
    await client.requestTls({ cert: right.cert, key: right.key });
    await client.logIn(login, server);
    client.close();
  });

  it.each([
    { commonName: "anybody" },
    { commonName: "", uri: ["spiffe://here/anybody"] },
  ])("takes any certificate of the CA with verify-ca (%j)", async (leaf) => {
    const clients = await TestCa.make("Clients");
    await start({ pairs: [pair], clientCa: clients.cert, rule: "verify-ca" });
    const anybody = await clients.issue(leaf);
    const client = await RawClient.connect(edge.port);
    await client.requestTls({ cert: anybody.cert, key: anybody.key });
    await client.logIn(login, server);
    client.close();
  });
});
