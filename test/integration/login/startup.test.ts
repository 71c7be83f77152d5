import { afterAll, beforeAll, describe, expect, inject, it } from "vitest";
import { TestCa } from "../../support/certificates.js";
import {
  cstring,
  GSSENC_REQUEST,
  int32,
  message,
  PROTOCOL_3_0,
  PROTOCOL_3_2,
  packet,
  SSL_REQUEST,
  startup,
} from "../../support/protocol.js";
import { RawClient, saslInitial } from "../../support/raw-client.js";
import { ScramPeer } from "../../support/scram-peer.js";
import { Edge, tenantOn } from "./edge.js";

/** What a case looks like from outside, at Postgres and at the data plane. */
interface Target {
  readonly name: "postgres" | "data plane";
  readonly port: () => number;
  readonly user: string;
}

describe("from the first byte to the login", () => {
  const server = inject("postgres");
  let edge: Edge;
  let withTls: Edge;

  beforeAll(async () => {
    edge = await Edge.start();
    await edge.put("t", tenantOn(server));
    const ca = await TestCa.make();
    withTls = await Edge.start({ tls: { pairs: [await ca.issue({ dns: ["localhost"] })] } });
    await withTls.put("t", tenantOn(server));
  });
  afterAll(async () => {
    await edge?.stop();
    await withTls?.stop();
  });

  const targets: readonly Target[] = [
    { name: "postgres", port: () => server.port, user: server.user },
    { name: "data plane", port: () => edge.port, user: `${server.user}.t` },
  ];
  const parameters = (target: Target, more: Record<string, string> = {}): Record<string, string> => ({
    user: target.user,
    database: "postgres",
    ...more,
  });

  describe.each(targets)("at $name", (target) => {
    const connect = () => RawClient.connect(target.port());

    it("logs in and answers", async () => {
      const client = await connect();
      const { parameters: reported, pid } = await client.logIn(parameters(target), server);
      expect(pid).toBeGreaterThan(0);
      expect(reported.get("client_encoding")).toBeDefined();
      expect(await client.query("select 1")).toEqual([["1"]]);
      client.close();
    });

    it("logs in with a startup packet that comes byte by byte", async () => {
      const client = await connect();
      await client.trickle(startup(parameters(target)));
      await client.authenticate(server);
      await client.greeting();
      client.close();
    });

    it("refuses GSS and, without a certificate, TLS with N, once each in either order", async () => {
      for (const requests of [
        [SSL_REQUEST, GSSENC_REQUEST],
        [GSSENC_REQUEST, SSL_REQUEST],
      ]) {
        const client = await connect();
        for (const request of requests) {
          client.send(request);
          expect((await client.bytes(1)).toString()).toBe("N");
        }
        await client.logIn(parameters(target), server);
        client.close();
      }
    });

    it("takes the last of a parameter given twice", async () => {
      const client = await connect();
      const twice = Buffer.concat(
        ["user", "nobody", "user", target.user, "database", "postgres", ""].map(cstring),
      );
      client.send(packet(PROTOCOL_3_0, twice));
      await client.authenticate(server);
      await client.greeting();
      client.close();
    });

    it("takes almost 10,000 bytes of parameters", async () => {
      const client = await connect();
      await client.logIn(parameters(target, { "app.long": "a".repeat(9800) }), server);
      client.close();
    });

    it.each([
      ["3.1 as it is", 0x0003_0001, [], undefined],
      ["3.2 as it is", PROTOCOL_3_2, [], undefined],
      ["3.9999 with 3.2", 0x0003_270f, [], PROTOCOL_3_2],
      ["an option of the protocol with its name", PROTOCOL_3_0, ["_pq_.x"], PROTOCOL_3_0],
      ["both with one message", 0x0003_270f, ["_pq_.x", "_pq_.y"], PROTOCOL_3_2],
    ] as const)("answers %s", async (_, version, options, offered) => {
      const client = await connect();
      const more = Object.fromEntries(options.map((name) => [name, "1"]));
      client.send(startup(parameters(target, more), version));
      if (offered !== undefined) {
        const body = await client.expect("v");
        expect(body.readInt32BE(0)).toBe(offered);
        expect(body.readInt32BE(4)).toBe(options.length);
        expect(body.toString("latin1", 8)).toBe(options.map((name) => `${name}\0`).join(""));
      }
      await client.authenticate(server);
      const { secret } = await client.greeting();
      expect(secret.length).toBe(version >= PROTOCOL_3_2 ? 32 : 4);
      client.close();
    });

    it("refuses protocols 2 and 4 in words, each in the form that its clients read", async () => {
      const body = Buffer.concat([cstring("user"), cstring("x"), Buffer.of(0)]);
      const old = await RawClient.connect(target.port());
      old.send(packet(0x0002_0000, body));
      expect((await old.rest()).toString()).toBe(
        "EFATAL:  unsupported frontend protocol 2.0: server supports 3.0 to 3.2\n\0",
      );
      old.close();
      const next = await RawClient.connect(target.port());
      next.send(packet(0x0004_0000, body));
      expect(await next.refusal()).toMatchObject({
        S: "FATAL",
        C: "0A000",
        M: "unsupported frontend protocol 4.0: server supports 3.0 to 3.2",
      });
    });

    it.each([
      ["no terminator", packet(PROTOCOL_3_0, cstring("user"))],
      ["an odd number of strings", packet(PROTOCOL_3_0, Buffer.from("user\0"))],
      ["a name without a value", packet(PROTOCOL_3_0, Buffer.from("user\0a"))],
      ["nothing at all", packet(PROTOCOL_3_0)],
      ["bytes behind the terminator", packet(PROTOCOL_3_0, Buffer.from("user\0a\0\0x"))],
    ])("refuses %s", async (_, bytes) => {
      const client = await connect();
      client.send(bytes);
      expect(["08P01", "28000"]).toContain((await client.refusal())["C"]);
    });

    it("refuses a startup packet without a user", async () => {
      const client = await connect();
      client.send(startup({ database: "postgres" }));
      expect((await client.refusal())["S"]).toBe("FATAL");
    });

    it.each([0, 3, 7, 0x7fff_ffff, -1, 10_005])("closes on a length of %i", async (length) => {
      const client = await connect();
      client.send(int32(length), int32(PROTOCOL_3_0));
      await client.rest();
      client.close();
    });

    it("closes on another protocol", async () => {
      for (const text of [
        "SSH-2.0-OpenSSH_9.2\r\n",
        "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        "HELP\r\n",
      ]) {
        const client = await connect();
        client.send(Buffer.from(text, "latin1"));
        await client.rest();
        client.close();
      }
    });

    it("refuses a second startup packet, a query and a sync in place of the password", async () => {
      for (const bytes of [startup(parameters(target)), message("Q", cstring("select 1")), message("S")]) {
        const client = await connect();
        client.send(startup(parameters(target)));
        await client.mechanisms();
        client.send(bytes);
        // Postgres too says something here, or nothing at all, and closes.
        expect((await client.rest()).toString("latin1")).not.toContain("server_version");
        client.close();
      }
    });

    it.each([
      ["a length beyond the message", saslInitial("SCRAM-SHA-256", "n,,n=,r=abc", 0x7fff_ffff)],
      ["a negative length", saslInitial("SCRAM-SHA-256", "n,,n=,r=abc", -2)],
      ["an unknown mechanism", saslInitial("SCRAM-SHA-1", "n,,n=,r=abc")],
      ["channel binding without TLS", saslInitial("SCRAM-SHA-256-PLUS", "p=tls-unique,,n=,r=abc")],
      ["a gs2 header that is none", saslInitial("SCRAM-SHA-256", "x,,n=,r=abc")],
      ["no nonce", saslInitial("SCRAM-SHA-256", "n,,n=")],
      ["an extension", saslInitial("SCRAM-SHA-256", "n,,m=x,n=,r=abc")],
      ["an empty message", message("p")],
      ["a message that is longer than any of SCRAM", message("p", Buffer.from("SCRAM-SHA-256\0"), 20_000)],
      ["a message of 2 GB", message("p", Buffer.from("SCRAM-SHA-256\0"), 0x7fff_ffff)],
    ])("refuses in SCRAM %s", async (_, bytes) => {
      const client = await connect();
      client.send(startup(parameters(target)));
      await client.mechanisms();
      client.send(bytes);
      expect((await client.rest()).toString("latin1")).not.toContain("server_version");
      client.close();
    });

    it("is still there for others afterwards", async () => {
      const client = await connect();
      await client.logIn(parameters(target), server);
      client.close();
    });
  });

  describe("the data plane alone", () => {
    it("answers a health check with 204 and closes", async () => {
      const client = await RawClient.connect(edge.port);
      client.send(Buffer.from("GET / HTTP/1.1\r\nhost: x\r\n\r\n"));
      expect((await client.rest()).toString()).toMatch(/^HTTP\/1.1 204 /);
      client.close();
    });

    it("answers what came right behind the password, however much, while its server is being opened", async () => {
      const client = await RawClient.connect(edge.sessionPort);
      client.send(startup({ user: `${server.user}.t`, database: "postgres" }));
      await client.mechanisms();
      const peer = new ScramPeer(server.password);
      client.send(saslInitial("SCRAM-SHA-256", peer.first()));
      const { message: final } = peer.final(await client.saslContinue());
      const long = `select length('${"x".repeat(200_000)}')`;
      client.send(
        message("p", Buffer.from(final)),
        message("Q", cstring(long)),
        message("Q", cstring("select 2")),
      );
      await client.expect("R");
      await client.expect("R");
      await client.greeting();
      const seen: string[] = [];
      while (seen.filter((type) => type === "Z").length < 2) seen.push((await client.message()).type);
      expect(seen.join("")).toBe("TDCZTDCZ");
      client.close();
    });

    it.each([
      ["too long", int32(10_001), "08P01", "(ESTARTUPPACKETTOOLARGE)"],
      ["too short", int32(7), "08P01", "(ESTARTUPMESSAGE)"],
      ["without a user", startup({ database: "x" }), "08P01", "(ESTARTUPMESSAGE)"],
      ["for nobody", startup({ user: "postgres" }), "28000", "(ENOIDENTIFIER)"],
      ["for an unknown tenant", startup({ user: "postgres.nobody" }), "28000", "(ENOTFOUND)"],
      ["with a long name", startup({ user: `${"u".repeat(64)}.t` }), "28000", "(EINVALIDUSERINFO)"],
      ["with a control character", startup({ user: "a\u0007b.t" }), "28000", "(EINVALIDUSERINFO)"],
      [
        "with bytes that are no UTF-8",
        packet(PROTOCOL_3_0, Buffer.from("user\0a\xff.t\0\0", "latin1")),
        "28000",
        "(EINVALIDUSERINFO)",
      ],
    ])("says what is wrong with a startup packet %s", async (_, bytes, sqlstate, prefix) => {
      const client = await RawClient.connect(edge.port);
      client.send(bytes);
      const { S, V, C, M } = await client.refusal();
      expect([S, V, C]).toEqual(["FATAL", "FATAL", sqlstate]);
      expect(M?.startsWith(prefix)).toBe(true);
    });

    it.each([
      ["SSLRequest", SSL_REQUEST],
      ["GSSENCRequest", GSSENC_REQUEST],
    ])("refuses bytes that came with a %s, before our answer", async (_, request) => {
      for (const target of [edge, withTls]) {
        const client = await RawClient.connect(target.port);
        client.send(request, startup({ user: "postgres.t" }));
        const { C, M } = await client.refusal();
        expect(C).toBe("08P01");
        expect(M).toContain("bytes behind an encryption request");
      }
    });

    it("refuses a request for encryption that is repeated, also inside TLS", async () => {
      for (const request of [SSL_REQUEST, GSSENC_REQUEST]) {
        const plain = await RawClient.connect(edge.port);
        plain.send(request);
        await plain.bytes(1);
        plain.send(request);
        expect((await plain.refusal())["M"]).toContain("repeated");
        const secure = await RawClient.connect(withTls.port);
        await secure.requestTls();
        secure.send(request);
        expect((await secure.refusal())["M"]).toContain("repeated");
      }
    });
  });
});
