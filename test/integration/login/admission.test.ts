import { afterEach, describe, expect, inject, it } from "vitest";
import { TestCa } from "../../support/certificates.js";
import { eventually } from "../../support/eventually.js";
import { errorFields, message, SSL_REQUEST, startup } from "../../support/protocol.js";
import { RawClient, saslInitial } from "../../support/raw-client.js";
import { ScramPeer } from "../../support/scram-peer.js";
import { psql } from "../../support/tools.js";
import { Edge, type EdgeOptions, type EdgeTenant, tenantOn } from "./edge.js";

const V2_SIGNATURE = Buffer.from("0d0a0d0a000d0a515549540a", "hex");

function proxyV1(source: string): Buffer {
  return Buffer.from(`PROXY TCP4 ${source} 198.51.100.1 1234 6543\r\n`);
}

/** LOCAL without addresses, or a v4 source with a TLV behind it. */
function proxyV2(source: string | undefined): Buffer {
  if (source === undefined) return Buffer.concat([V2_SIGNATURE, Buffer.of(0x20, 0, 0, 0)]);
  const addresses = Buffer.from([...source.split(".").map(Number), 198, 51, 100, 1, 4, 210, 25, 143]);
  const tlv = Buffer.of(0x04, 0, 2, 0, 0);
  return Buffer.concat([
    V2_SIGNATURE,
    Buffer.of(0x21, 0x11, 0, addresses.length + tlv.length),
    addresses,
    tlv,
  ]);
}

describe("admission", () => {
  const server = inject("postgres");
  const login = { user: `${server.user}.t`, database: "postgres" };
  let edge: Edge;

  afterEach(async () => {
    await edge?.stop();
  });
  const start = async (options: EdgeOptions = {}, tenant: Partial<EdgeTenant> = {}): Promise<void> => {
    edge = await Edge.start(options);
    await edge.put("t", tenantOn(server, tenant));
  };
  const connect = (): Promise<RawClient> => RawClient.connect(edge.port);
  const refused = async (first: Buffer = Buffer.alloc(0)): Promise<Readonly<Record<string, string>>> => {
    const client = await connect();
    client.send(first, startup(login));
    return await client.refusal();
  };
  const letIn = async (first: Buffer = Buffer.alloc(0)): Promise<RawClient> => {
    const client = await connect();
    client.send(first);
    await client.logIn(login, server);
    return client;
  };
  /** To the verdict, with a wrong password. */
  const fail = async (first: Buffer = Buffer.alloc(0), user = login.user): Promise<string | undefined> => {
    const client = await connect();
    client.send(first, startup({ ...login, user }));
    const asked = await client.message();
    if (asked.type === "E") {
      client.close();
      return errorFields(asked.body)["C"];
    }
    const peer = new ScramPeer("wrong");
    client.send(saslInitial("SCRAM-SHA-256", peer.first()));
    client.send(message("p", Buffer.from(peer.final(await client.saslContinue()).message)));
    return (await client.refusal())["C"];
  };

  describe("by address", () => {
    it("lets in whom allow_list names", async () => {
      await start({}, { allowList: ["127.0.0.0/8"] });
      (await letIn()).close();
    });

    it("refuses everybody else before a password is asked for, in words that psql shows", async () => {
      await start({}, { allowList: ["10.0.0.0/8", "::/0"] });
      expect(await refused()).toMatchObject({
        S: "FATAL",
        C: "28000",
        M: "(EADDRNOTALLOWED) address not in tenant allow_list: 127.0.0.1",
      });
      const { stderr } = await psql(
        `postgresql://${login.user}:x@127.0.0.1:${edge.port}/postgres`,
        "select 1",
      );
      expect(stderr).toContain("(EADDRNOTALLOWED) address not in tenant allow_list: 127.0.0.1");
    });

    it("knows a v4 client on a v6 listener", async () => {
      await start({ host: "::" }, { allowList: ["127.0.0.0/8"] });
      (await letIn()).close();
      const six = await RawClient.connect(edge.port, "::1");
      six.send(startup(login));
      expect((await six.refusal())["M"]).toContain("allow_list: ::1");
    });
  });

  describe("through a balancer", () => {
    const balancer: EdgeOptions = { trustedBalancers: ["127.0.0.0/8"] };

    it.each([
      ["1", proxyV1("192.0.2.7")],
      ["2", proxyV2("192.0.2.7")],
    ])("judges the address in a PROXY header of version %s", async (_, header) => {
      await start({ ...balancer, proxyProtocol: "required" }, { allowList: ["192.0.2.0/24"] });
      (await letIn(header)).close();
      expect((await refused(proxyV1("203.0.113.1")))["M"]).toContain("allow_list: 203.0.113.1");
    });

    it("takes a header that comes byte by byte, and TLS behind it", async () => {
      const pair = await (await TestCa.make()).issue();
      await start(
        { ...balancer, proxyProtocol: "required", tls: { pairs: [pair] } },
        { allowList: ["192.0.2.0/24"] },
      );
      const client = await connect();
      await client.trickle(proxyV2("192.0.2.7"));
      await client.requestTls();
      await client.logIn(login, server);
      client.close();
      const direct = await connect();
      direct.send(proxyV1("192.0.2.7"));
      await direct.startTls({ ALPNProtocols: ["postgresql"] });
      await direct.logIn(login, server);
      direct.close();
    });

    it("refuses a connection without a header where one is required, but answers a probe", async () => {
      await start({ ...balancer, proxyProtocol: "required" });
      expect((await refused())["M"]).toContain("(EPROXYHEADER)");
      const probe = await connect();
      probe.send(Buffer.from("GET /health HTTP/1.0\r\n\r\n"));
      expect((await probe.rest()).toString()).toContain("204");
      probe.close();
    });

    it("refuses a header from somebody who is no balancer, in each mode", async () => {
      for (const proxyProtocol of ["optional", "required"] as const) {
        await start({ trustedBalancers: ["192.0.2.1/32"], proxyProtocol });
        expect((await refused(proxyV1("10.0.0.1")))["M"]).toContain("(EPROXYHEADER)");
        await edge.stop();
      }
      await start({ ...balancer });
      expect((await refused(proxyV1("10.0.0.1")))["C"]).toBe("08P01");
    });

    it("takes both kinds of connections where the header is optional", async () => {
      await start({ ...balancer, proxyProtocol: "optional" });
      (await letIn(proxyV1("192.0.2.7"))).close();
      (await letIn()).close();
    });

    it("holds the balancer's own address against allow_list for its own connections", async () => {
      await start({ ...balancer, proxyProtocol: "required" }, { allowList: ["192.0.2.0/24"] });
      expect((await refused(proxyV2(undefined)))["M"]).toContain("allow_list: 127.0.0.1");
    });

    it("refuses what begins as a header and is none", async () => {
      await start({ ...balancer, proxyProtocol: "required" });
      for (const bytes of [
        Buffer.from("PROXY TCP4 nonsense\r\n"),
        Buffer.from("PROXY TCP4 999.1.1.1 1.1.1.1 1 2\r\n"),
        Buffer.concat([V2_SIGNATURE, Buffer.of(0x21, 0x11, 0xff, 0xff)]),
      ])
        expect((await refused(bytes))["M"]).toContain("(EPROXYHEADER)");
    });

    it("counts nothing by address when only the balancer's is known", async () => {
      await start({ ...balancer, worker: { mostUnauthenticatedPerAddress: 1 } });
      const waiting = await Promise.all([connect(), connect(), connect()]);
      for (let i = 0; i < 12; i++) expect(await fail()).toBe("28P01");
      for (const client of waiting) client.close();
    });
  });

  describe("of a banned tenant", () => {
    it("is refused with the reason, until the ban ends", async () => {
      await start();
      const now = Date.now();
      const ban = { banReason: "abuse", bannedAtMs: BigInt(now - 1000) };
      await edge.put("t", tenantOn(server, { ...ban, bannedUntilMs: BigInt(now + 3_600_000) }));
      expect(await refused()).toMatchObject({ C: "28000", M: "(EBANNED) tenant is banned: abuse" });
      await edge.put("t", tenantOn(server, { ...ban, bannedUntilMs: BigInt(now - 500) }));
      (await letIn()).close();
      await edge.put("t", tenantOn(server, { ...ban, enforceSsl: true, allowList: [] }));
      expect((await refused())["M"]).toContain("(EBANNED)");
    });
  });

  describe("of many", () => {
    it("bounds connections that have not logged in, from one address and in all", async () => {
      await start({ worker: { mostUnauthenticatedPerAddress: 3 } });
      const waiting = await Promise.all([connect(), connect(), connect()]);
      for (const client of waiting) client.send(SSL_REQUEST);
      for (const client of waiting) await client.bytes(1);
      expect(await refused()).toMatchObject({
        C: "53300",
        M: expect.stringContaining("(EMAXUNAUTHENTICATED)"),
      });
      // Whoever logs in makes room.
      await waiting[0]?.logIn(login, server);
      (await letIn()).close();
      for (const client of waiting) client.close();
      await edge.stop();
      await start({ worker: { mostUnauthenticated: 2 } });
      const others = await Promise.all([connect(), connect()]);
      await eventually("the bound", async () => (await refused())["C"] === "53300");
      for (const client of others) client.close();
      await eventually("room again", async () => {
        (await letIn()).close();
        return true;
      });
    });

    it("gives default_max_clients places, exactly, to those who logged in", async () => {
      await start({}, { defaultMaxClients: 5 });
      const attempts = await Promise.allSettled(Array.from({ length: 20 }, () => letIn()));
      const inside = attempts.flatMap((attempt) => (attempt.status === "fulfilled" ? [attempt.value] : []));
      expect(inside).toHaveLength(5);
      expect(await refused()).toMatchObject({
        C: "53300",
        M: "(EMAXCONN) max client connections reached, limit: 5",
      });
      inside[0]?.close();
      await eventually("a place", async () => {
        (await letIn()).close();
        return true;
      });
      const session = await RawClient.connect(edge.sessionPort);
      session.send(startup(login));
      await eventually("a place again", async () => {
        (await letIn()).close();
        return true;
      });
      session.close();
      for (const client of inside) client.close();
    });

    it("gives users with max_clients their own places, and tells no stranger that they exist", async () => {
      await start(
        {},
        {
          defaultMaxClients: 1,
          users: [{ name: server.user, password: server.password, manager: true, maxClients: 2 }],
        },
      );
      const inside = [await letIn(), await letIn()];
      // Full for this user; somebody who does not exist is asked for a password in the same way.
      for (const user of [login.user, "nobody.t"]) {
        const client = await connect();
        client.send(startup({ ...login, user }));
        expect(await client.mechanisms()).toEqual(["SCRAM-SHA-256"]);
        client.close();
      }
      await expect(letIn()).rejects.toThrow("(EMAXCONN) max client connections reached, limit: 2");
      for (const client of inside) client.close();
    });

    it("says EMAXCONNSESSION on the port of session mode", async () => {
      await start({}, { defaultMaxClients: 1 });
      const first = await RawClient.connect(edge.sessionPort);
      await first.logIn(login, server);
      const second = await RawClient.connect(edge.sessionPort);
      second.send(startup(login));
      expect((await second.refusal())["M"]).toContain("(EMAXCONNSESSION)");
      first.close();
    });
  });

  describe("of the slow", () => {
    const hello = Buffer.from("1603010200010001fc0303", "hex");
    it.each([
      ["nothing", Buffer.alloc(0)],
      ["a half PROXY header", Buffer.from("PROXY TC")],
      ["a half startup packet", startup(login).subarray(0, 20)],
      ["only the length of one", startup(login).subarray(0, 4)],
      ["a half TLS hello", hello],
      ["no password", startup(login)],
      [
        "a half SASL message",
        Buffer.concat([startup(login), saslInitial("SCRAM-SHA-256", "n,,n=,r=abc").subarray(0, 9)]),
      ],
    ])("closes at the login deadline, counted from accept: %s", async (_, bytes) => {
      const pair = await (await TestCa.make()).issue();
      await start({
        tls: { pairs: [pair] },
        proxyProtocol: "optional",
        trustedBalancers: ["127.0.0.0/8"],
        worker: { loginTimeoutMs: 300 },
      });
      const client = await connect();
      client.send(bytes);
      await client.rest();
      client.close();
    });

    it("is not put off by a byte now and then, nor by a handshake that does not end", async () => {
      const pair = await (await TestCa.make()).issue();
      await start({ tls: { pairs: [pair] }, worker: { loginTimeoutMs: 500 } });
      for (const first of [Buffer.alloc(0), SSL_REQUEST]) {
        const client = await connect();
        client.send(first);
        const beganMs = performance.now();
        const drip = setInterval(() => client.socket.write(Buffer.of(0)), 50);
        client.socket.on("error", () => undefined);
        await client.rest();
        clearInterval(drip);
        expect(performance.now() - beganMs).toBeLessThan(9000);
        client.close();
      }
    });
  });

  describe("of the guessing", () => {
    const balancer: EdgeOptions = { trustedBalancers: ["127.0.0.0/8"], proxyProtocol: "required" };

    it("is braked after ten wrong passwords, at its own address only, for known and unknown users alike", async () => {
      await start(balancer);
      await edge.put("u", tenantOn(server));
      const guesser = proxyV1("192.0.2.66");
      for (let i = 0; i < 10; i++) expect(await fail(guesser, i % 2 ? login.user : "nobody.t")).toBe("28P01");
      expect(await refused(guesser)).toMatchObject({
        C: "53400",
        M: "(ECIRCUITBREAKER) too many authentication failures, new connections are temporarily blocked",
      });
      (await letIn(proxyV1("192.0.2.67"))).close();
      const other = await connect();
      other.send(guesser);
      await other.logIn({ ...login, user: `${server.user}.u` }, server);
      other.close();
    });

    it("cannot be outrun by many connections at once", async () => {
      await start(balancer);
      const guesser = proxyV1("192.0.2.66");
      const codes = await Promise.all(Array.from({ length: 40 }, () => fail(guesser)));
      expect(codes.filter((code) => code === "28P01")).toHaveLength(10);
      expect(codes.filter((code) => code === "53400")).toHaveLength(30);
    });

    it("counts wrong passwords, not exchanges that were broken off or malformed", async () => {
      await start(balancer);
      const clumsy = proxyV1("192.0.2.66");
      for (let i = 0; i < 12; i++) {
        const client = await connect();
        client.send(clumsy, startup(login));
        await client.mechanisms();
        if (i % 2 === 0) client.send(saslInitial("SCRAM-SHA-256", "x"));
        else client.send(saslInitial("SCRAM-SHA-256", "n,,n=,r=abc"));
        if (i % 2 === 0) await client.rest();
        client.close();
      }
      (await letIn(clumsy)).close();
    });
  });
});
