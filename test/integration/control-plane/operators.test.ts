import { createHmac } from "node:crypto";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { publicKeysAt, publicKeysOf } from "@sluice/control-plane/operators/index";
import { exportJWK, generateKeyPair, type JWK, SignJWT } from "jose";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createDatabase, type Database } from "../../support/database.js";
import { Api } from "./api.js";
import { GUIDE_TOKEN } from "./guide.js";
import { METRICS_SECRET, Replica, type ReplicaOptions } from "./replica.js";
import { LISTED } from "./tenant-bodies.js";
import { DEV_SECRET, makeToken } from "./tokens.js";

type PrivateKey = Awaited<ReturnType<typeof generateKeyPair>>["privateKey"];

const encoded = (part: unknown): string => Buffer.from(JSON.stringify(part)).toString("base64url");

describe("operators", () => {
  let database: Database;
  const replicas: Replica[] = [];

  async function api(options: ReplicaOptions = {}): Promise<Api> {
    const replica = await Replica.start(database.url, options);
    replicas.push(replica);
    return new Api(replica);
  }

  const as = (token: string) => ({ authorization: `Bearer ${token}` });
  const list = (one: Api, token: string) => one.send("get", "/api/tenants", undefined, as(token));

  beforeAll(async () => {
    database = await createDatabase();
  });

  afterAll(async () => {
    for (const replica of replicas) await replica.stop();
    await database.drop();
  });

  describe("with the shared secret", () => {
    let one: Api;
    beforeAll(async () => {
      one = await api({ tokens: { requireExp: true, blocklist: ["blocked.token.here", ""] } });
    });

    it.each(["HS256", "HS384", "HS512"])("are taken with %s", async (alg) => {
      await list(one, await makeToken({}, { alg })).expect(200);
    });

    it("are taken without a type, and with that of an access token", async () => {
      await list(one, await makeToken({}, { typ: undefined })).expect(200);
      await list(one, await makeToken({}, { typ: "at+jwt" })).expect(200);
    });

    /** By hand: jose signs no such thing. */
    const withCrit = (): string => {
      const header = { alg: "HS256", typ: "JWT", crit: ["exp2"], exp2: 1 };
      const signed = `${encoded(header)}.${encoded({ exp: soon(60) })}`;
      return `${signed}.${createHmac("sha256", DEV_SECRET).update(signed).digest("base64url")}`;
    };
    const soon = (seconds: number): number => Math.floor(Date.now() / 1000) + seconds;
    const refused: readonly [string, () => string | Promise<string>, RegExp][] = [
      [
        "alg none",
        () => `${encoded({ alg: "none", typ: "JWT" })}.${encoded({ exp: soon(60) })}.`,
        /JSON Web|not signed/,
      ],
      ["another secret", () => makeToken({}, { secret: "other" }), /another key than API_JWT_SECRET/],
      ["no expiry", () => makeToken({}, { exp: false }), /has no expiry/],
      ["an expiry in the past", () => makeToken({ exp: soon(-60) }), /has expired/],
      ["an nbf in the future", () => makeToken({ nbf: soon(600) }), /not valid yet/],
      ["an expiry that is a text", () => makeToken({ exp: "tomorrow" }), /claim exp cannot be used/],
      ["another type", () => makeToken({}, { typ: "dpop+jwt" }), /type is not "JWT"/],
      ["the audience of a data plane", () => makeToken({ aud: "sluice-stream" }), /data plane's token/],
      ["that audience among others", () => makeToken({ aud: ["x", "sluice-stream"] }), /data plane's token/],
      ["scopes that are no texts", () => makeToken({ scopes: [1] }), /claim scopes/],
      ["a subject that is no text", () => makeToken({ sub: 5 }), /claim sub/],
      ["a subject with a NUL", () => makeToken({ sub: "a\0" }), /claim sub/],
      ["an extension that it asks for", () => withCrit(), /extension \(header crit\)/],
      ["no token in it", () => "nonsense", /no JSON Web Token/],
      ["a blocked one", () => "blocked.token.here", /on the blocklist/],
    ];

    it.each(refused)("are refused with %s: 401 that says why", async (_, make, reason) => {
      const { status, body, headers } = await list(one, await make());
      expect(status).toBe(401);
      expect(body.error).toMatch(reason);
      expect(headers["www-authenticate"]).toMatch(/^Bearer realm="sluice", error="invalid_token"/);
    });

    it("are asked for a token when there is none, before a body is read", async () => {
      const answer = await one
        .stranger()
        .put("/api/tenants/x")
        .set("content-type", "application/json")
        .send("{");
      expect(answer.status).toBe(401);
      expect(answer.headers["www-authenticate"]).toBe('Bearer realm="sluice"');
      await one.stranger().get("/api/tenants").set("authorization", "Basic YTpi").expect(401);
    });
  });

  it("need claims with exactly the values of JWT_CLAIM_VALIDATORS", async () => {
    const one = await api({ tokens: { claims: { iss: "platform", team: ["a"] } } });
    await list(one, await makeToken({ iss: "platform", team: ["a"] })).expect(200);
    for (const claims of [{ iss: "platform" }, { iss: "other", team: ["a"] }, {}]) {
      const { body } = await list(one, await makeToken(claims)).expect(401);
      expect(body.error).toMatch(/is not as wanted/);
    }
  });

  it("do what their scopes allow, and are told which one is missing", async () => {
    const one = await api();
    const reader = as(await makeToken({ scopes: ["tenants:read"] }));
    const writer = as(await makeToken({ scopes: "tenants:read tenants:write" }));
    const fleet = as(await makeToken({ scope: "fleet:read" }));
    await one.send("put", "/api/tenants/scoped", { tenant: LISTED }, writer).expect(201);
    await one.send("get", "/api/tenants/scoped", undefined, reader).expect(200);
    const refused = await one.send("put", "/api/tenants/scoped", "not even a body", reader).expect(403);
    expect(refused.body.error).toMatch(/tenants:write/);
    expect(refused.headers["www-authenticate"]).toBe(
      'Bearer realm="sluice", error="insufficient_scope", scope="tenants:write"',
    );
    // A GET that changes something.
    await one.send("get", "/api/tenants/scoped/terminate", undefined, reader).expect(403);
    await one.send("delete", "/api/tenants/scoped", undefined, reader).expect(403);
    await one.send("get", "/api/tenants", undefined, fleet).expect(403);
    await one.send("get", "/api/audit", undefined, fleet).expect(403);
    await list(one, await makeToken({ scopes: [] })).expect(403);
    await list(one, GUIDE_TOKEN).expect(200);
  });

  describe("with public keys", () => {
    let signer: PrivateKey;
    let stranger: PrivateKey;
    let jwk: JWK;
    let server: Server;
    let url: URL;
    let answer: () => string;

    beforeAll(async () => {
      const pair = await generateKeyPair("ES256", { extractable: true });
      signer = pair.privateKey;
      stranger = (await generateKeyPair("ES256")).privateKey;
      jwk = { ...(await exportJWK(pair.publicKey)), kid: "one", alg: "ES256" };
      answer = () => JSON.stringify({ keys: [jwk] });
      server = createServer((_request, response) => {
        const body = answer();
        response.writeHead(body === "" ? 503 : 200, { "content-type": "application/json" }).end(body);
      });
      await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
      url = new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}/jwks.json`);
    });

    afterAll(() => new Promise((resolve) => server.close(resolve)));

    const signed = (key: PrivateKey, kid = "one") =>
      new SignJWT({ sub: "ops" })
        .setProtectedHeader({ alg: "ES256", typ: "JWT", kid })
        .setExpirationTime("1h")
        .sign(key);

    it("of a file are taken, and the shared secret still is", async () => {
      const one = await api({ tokens: { publicKeys: publicKeysOf(answer()) } });
      await list(one, await signed(signer)).expect(200);
      await list(one, GUIDE_TOKEN).expect(200);
      expect((await list(one, await signed(stranger)).expect(401)).body.error).toMatch(/another key/);
      expect((await list(one, await signed(signer, "two")).expect(401)).body.error).toMatch(/none of those/);
    });

    it("of a URL are fetched; while they cannot be it is 503, and then it works", async () => {
      const working = answer;
      answer = () => "";
      const one = await api({ tokens: { publicKeys: publicKeysAt(url) } });
      const { body, headers } = await list(one, await signed(signer)).expect(503);
      expect(body.error).toMatch(/cannot be fetched/);
      expect(headers["retry-after"]).toBe("1");
      answer = working;
      await list(one, await signed(signer)).expect(200);
    });

    it("are not taken for a secret", async () => {
      const one = await api({ tokens: { publicKeys: publicKeysOf(answer()) } });
      const forged = await makeToken({}, { secret: JSON.stringify(jwk) });
      expect((await list(one, forged).expect(401)).body.error).toMatch(/another key/);
    });

    it("are enough: without the shared secret nobody comes in by one", async () => {
      const one = await api({
        tokens: { secret: undefined, publicKeys: publicKeysOf(answer()) },
        metricsSecret: "none",
      });
      await list(one, await signed(signer)).expect(200);
      const { body } = await list(one, GUIDE_TOKEN).expect(401);
      expect(body.error).toMatch(/is not signed with RS256, .* or Ed25519$/);
      await list(one, await makeToken({}, { secret: "undefined" })).expect(401);
      await one.send("get", "/metrics", undefined, as(await signed(signer))).expect(200);
      await one.send("get", "/metrics").expect(401);
    });

    it("are refused where none are configured", async () => {
      const { body } = await list(await api(), await signed(signer)).expect(401);
      expect(body.error).toMatch(/not signed with HS256, HS384 or HS512/);
    });
  });

  it("are limited by token and by address, and told when to come again", async () => {
    const byToken = await api({ rateLimits: { perToken: 3, perAddress: 0 } });
    for (let i = 0; i < 3; i++) await list(byToken, GUIDE_TOKEN).expect(200);
    const { body, headers } = await list(byToken, GUIDE_TOKEN).expect(429);
    expect(body.error).toBe("there are more than 3 requests a minute of this token");
    expect(Number(headers["retry-after"])).toBeGreaterThan(0);
    expect(Number(headers["retry-after"])).toBeLessThanOrEqual(60);
    await list(byToken, await makeToken()).expect(200);
    const byAddress = await api({ rateLimits: { perToken: 0, perAddress: 2 } });
    await list(byAddress, "guess").expect(401);
    await list(byAddress, "guess again").expect(401);
    await list(byAddress, GUIDE_TOKEN).expect(429);
    await byAddress.stranger().get("/api/health").expect(204);
  });

  it("behind a proxy are told apart by the address that it names, if it is one of ours", async () => {
    const rateLimits = { perToken: 0, perAddress: 1 };
    const from = (address: string) => ({ ...as(GUIDE_TOKEN), "x-forwarded-for": address });
    const ask = (one: Api, address: string) => one.send("get", "/api/tenants", undefined, from(address));
    const behind = await api({ rateLimits, trustedProxies: ["127.0.0.0/8", "::1/128"] });
    await ask(behind, "192.0.2.1").expect(200);
    await ask(behind, "192.0.2.2").expect(200);
    await ask(behind, "192.0.2.1").expect(429);
    const bare = await api({ rateLimits });
    await ask(bare, "192.0.2.1").expect(200);
    await ask(bare, "192.0.2.2").expect(429);
  });

  it("need a token of its own for metrics", async () => {
    const one = await api();
    const token = as(await makeToken({}, { secret: METRICS_SECRET }));
    await one.send("get", "/metrics").expect(401);
    await list(one, token.authorization.slice("Bearer ".length)).expect(401);
    await list(one, GUIDE_TOKEN).expect(200);
    const { text, headers } = await one.send("get", "/metrics", undefined, token).expect(200);
    expect(headers["content-type"]).toMatch(/^text\/plain; version=0.0.4/);
    expect(text).toMatch(
      /sluice_http_request_duration_seconds_count\{method="GET",route="\/api\/tenants",status="200"\} \d/,
    );
    expect(text.endsWith("# EOF\n")).toBe(true);
    expect(text).toMatch(/^sluice_tenants \d+$/m);
    expect(text).toMatch(/^sluice_fleet_generation \d+$/m);
    const tenant = await one.send("get", "/metrics/nowhere", undefined, token).expect(200);
    expect(tenant.text).toBe("# EOF\n");
    await one.send("get", "/metrics/nowhere").expect(401);
  });

  it("read metrics with their own tokens where metrics have no secret: with scope and blocklist of the API", async () => {
    const blocked = await makeToken({ jti: "lost" });
    const one = await api({ metricsSecret: "none", tokens: { blocklist: [blocked] } });
    const read = (token: string) => one.send("get", "/metrics", undefined, as(token));
    await read(GUIDE_TOKEN).expect(200);
    await read(await makeToken({ scopes: ["fleet:read"] })).expect(200);
    const { body } = await read(await makeToken({ scopes: ["tenants:read"] })).expect(403);
    expect(body.error).toMatch(/fleet:read/);
    await read(blocked).expect(401);
    await read(await makeToken({}, { secret: METRICS_SECRET })).expect(401);
  });
});
