import { deriveScramKeys, type ScramVerifier, sha256 } from "@sluice/shared/secrets";
import { describe, expect, it } from "vitest";
import { AuthProtocolViolation } from "./auth-failure.js";
import { MockVerifiers } from "./mock-verifier.js";
import { keysFromPassword, ScramClient } from "./scram-client.js";
import { SCRAM_SHA_256, SCRAM_SHA_256_PLUS, ScramServer } from "./scram-server.js";
import { ServerAuthFailure } from "./server-auth-failure.js";

/** RFC 7677 section 3. */
const CLIENT_NONCE = "rOprNGfwEbeRWgbNEkqO";
const SERVER_NONCE = "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0";
const SALT = "W22ZaJ0SNY7soEsUEjb6gQ==";
const CLIENT_FIRST = `n,,n=user,r=${CLIENT_NONCE}`;
const SERVER_FIRST = `r=${CLIENT_NONCE}${SERVER_NONCE},s=${SALT},i=4096`;
const WITHOUT_PROOF = `c=biws,r=${CLIENT_NONCE}${SERVER_NONCE}`;
const CLIENT_FINAL = `${WITHOUT_PROOF},p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=`;
const SERVER_FINAL = "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=";

async function verifier(): Promise<ScramVerifier> {
  const salt = Buffer.from(SALT, "base64");
  const { clientKey, serverKey } = await deriveScramKeys("pencil", salt, 4096);
  return { iterations: 4096, salt, storedKey: sha256(clientKey), serverKey };
}

function firstOf(client: ScramClient): string {
  return client.first([SCRAM_SHA_256]).message;
}

async function challenged(mock = false): Promise<ScramServer> {
  const server = new ScramServer(await verifier(), mock, undefined, SERVER_NONCE);
  server.challenge(SCRAM_SHA_256, CLIENT_FIRST);
  return server;
}

describe("ScramServer", () => {
  it("says what RFC 7677's example says, and learns the client's key", async () => {
    const server = new ScramServer(await verifier(), false, undefined, SERVER_NONCE);
    expect(server.challenge(SCRAM_SHA_256, CLIENT_FIRST)).toBe(SERVER_FIRST);
    const { clientKey } = await deriveScramKeys("pencil", Buffer.from(SALT, "base64"), 4096);
    expect(server.finish(CLIENT_FINAL)).toEqual({ accepted: true, serverFinal: SERVER_FINAL, clientKey });
  });

  it("never accepts a mock, not even with a proof that is right", async () => {
    expect((await challenged(true)).finish(CLIENT_FINAL)).toEqual({ accepted: false });
  });

  it("does not accept another proof", async () => {
    const final = `${WITHOUT_PROOF},p=${Buffer.alloc(32).toString("base64")}`;
    expect((await challenged()).finish(final)).toEqual({ accepted: false });
  });

  it("refuses channel binding, authorization identities and damaged first messages", async () => {
    for (const first of [
      `p=tls-server-end-point,,n=user,r=${CLIENT_NONCE}`,
      `n,a=other,n=user,r=${CLIENT_NONCE}`,
      "n,,n=user",
      "n,,n=user,r=",
      `n,,m=x,n=user,r=${CLIENT_NONCE}`,
      "",
    ]) {
      const server = new ScramServer(await verifier(), false, undefined, SERVER_NONCE);
      expect(() => server.challenge(SCRAM_SHA_256, first), first).toThrow(AuthProtocolViolation);
    }
  });

  it("refuses a final message with another nonce, another header, or no whole proof", async () => {
    for (const final of [
      CLIENT_FINAL.replace("hNlF", "xxxx"),
      CLIENT_FINAL.replace("c=biws", "c=eSws"),
      WITHOUT_PROOF,
      `${WITHOUT_PROOF},p=AAAA`,
      `${WITHOUT_PROOF},p=!!!!`,
    ]) {
      const server = await challenged();
      expect(() => server.finish(final), final).toThrow(AuthProtocolViolation);
    }
  });

  it("refuses a final message before the first", async () => {
    const server = new ScramServer(await verifier(), false);
    expect(() => server.finish(CLIENT_FINAL)).toThrow(AuthProtocolViolation);
  });
});

describe("ScramClient", () => {
  it("logs in with the password and believes the server that knows the verifier", async () => {
    const client = new ScramClient(keysFromPassword("pencil"), undefined, CLIENT_NONCE);
    const server = new ScramServer(await verifier(), false, undefined, SERVER_NONCE);
    expect(firstOf(client)).toBe(`n,,n=,r=${CLIENT_NONCE}`);
    const serverFirst = server.challenge(SCRAM_SHA_256, firstOf(client));
    expect(serverFirst).toBe(SERVER_FIRST);
    const outcome = server.finish(await client.respond(serverFirst));
    if (!outcome.accepted) throw new Error("the right password was not accepted");
    expect(() => client.verify(outcome.serverFinal)).not.toThrow();
  });

  it("is not accepted with a wrong password", async () => {
    const client = new ScramClient(keysFromPassword("pen"), undefined, CLIENT_NONCE);
    const server = new ScramServer(await verifier(), false, undefined, SERVER_NONCE);
    const final = await client.respond(server.challenge(SCRAM_SHA_256, firstOf(client)));
    expect(server.finish(final)).toEqual({ accepted: false });
  });

  it("refuses a signature that is wrong, absent or early", async () => {
    const client = new ScramClient(keysFromPassword("pencil"), undefined, CLIENT_NONCE);
    expect(() => client.verify(SERVER_FINAL)).toThrow(ServerAuthFailure);
    await client.respond(SERVER_FIRST);
    for (const final of [`v=${Buffer.alloc(32).toString("base64")}`, "v=", "e=other-error", ""])
      expect(() => client.verify(final), final).toThrow(ServerAuthFailure);
  });

  it("refuses a nonce that is not its own made longer, and a count of iterations out of bounds", async () => {
    for (const first of [
      `r=other${SERVER_NONCE},s=${SALT},i=4096`,
      `r=${CLIENT_NONCE},s=${SALT},i=4096`,
      `r=${CLIENT_NONCE}x,s=,i=4096`,
      `r=${CLIENT_NONCE}x,s=${SALT},i=0`,
      `r=${CLIENT_NONCE}x,s=${SALT},i=1000001`,
      `r=${CLIENT_NONCE}x,s=${SALT}`,
      "",
    ]) {
      const client = new ScramClient(keysFromPassword("pencil"), undefined, CLIENT_NONCE);
      await expect(client.respond(first), first).rejects.toThrow(ServerAuthFailure);
    }
  });
});

describe("channel binding", () => {
  const endPoint = sha256(Buffer.from("a certificate"));
  const other = sha256(Buffer.from("another"));

  async function between(
    ours: Buffer,
    theirs: Buffer | undefined,
    offered: readonly string[],
  ): Promise<boolean> {
    const client = new ScramClient(keysFromPassword("pencil"), theirs);
    const server = new ScramServer(await verifier(), false, ours);
    const { mechanism, message } = client.first(offered);
    return server.finish(await client.respond(server.challenge(mechanism, message))).accepted;
  }

  it("is offered first where there is TLS, and both sides are bound to one certificate", async () => {
    const server = new ScramServer(await verifier(), false, endPoint);
    expect(server.mechanisms).toEqual([SCRAM_SHA_256_PLUS, SCRAM_SHA_256]);
    expect(await between(endPoint, endPoint, server.mechanisms)).toBe(true);
  });

  it("fails when somebody in between shows another certificate", async () => {
    await expect(between(endPoint, other, [SCRAM_SHA_256_PLUS, SCRAM_SHA_256])).rejects.toThrow(
      "channel binding does not match",
    );
  });

  it("cannot be taken off the list by somebody in between", async () => {
    await expect(between(endPoint, other, [SCRAM_SHA_256])).rejects.toThrow("downgrade");
  });

  it("is not needed by a client that cannot", async () => {
    expect(await between(endPoint, undefined, [SCRAM_SHA_256_PLUS, SCRAM_SHA_256])).toBe(true);
  });

  it.each([
    [SCRAM_SHA_256_PLUS, "p=tls-unique,,n=,r=abc"],
    [SCRAM_SHA_256_PLUS, "n,,n=,r=abc"],
    [SCRAM_SHA_256_PLUS, "y,,n=,r=abc"],
    [SCRAM_SHA_256, "p=tls-server-end-point,,n=,r=abc"],
    ["SCRAM-SHA-1", "n,,n=,r=abc"],
    ["", "n,,n=,r=abc"],
    [SCRAM_SHA_256, `n,,n=,r=${"x".repeat(5000)}`],
  ])("refuses %s with %s", async (mechanism, first) => {
    const server = new ScramServer(await verifier(), false, endPoint);
    expect(() => server.challenge(mechanism, first)).toThrow(AuthProtocolViolation);
  });

  it("is refused where it was not offered, without TLS", async () => {
    const server = new ScramServer(await verifier(), false);
    expect(server.mechanisms).toEqual([SCRAM_SHA_256]);
    expect(() => server.challenge(SCRAM_SHA_256_PLUS, "p=tls-server-end-point,,n=,r=abc")).toThrow(
      AuthProtocolViolation,
    );
  });
});

describe("MockVerifiers", () => {
  it("give a name the same salt each time and other names other salts", () => {
    const mocks = new MockVerifiers();
    expect(mocks.for("t", "u", undefined)).toEqual(mocks.for("t", "u", undefined));
    expect(mocks.for("t", "u", undefined).salt).not.toEqual(mocks.for("t", "v", undefined).salt);
    expect(mocks.for("t", "u", undefined).salt).not.toEqual(mocks.for("s", "u", undefined).salt);
  });

  it("give a name the same salt in every process that knows the tenant's secret", () => {
    const [here, there] = [new MockVerifiers(), new MockVerifiers()];
    expect(here.for("t", "u", "secret").salt).toEqual(there.for("t", "u", "secret").salt);
    expect(here.for("t", "u", "secret").salt).not.toEqual(here.for("t", "u", "other").salt);
  });
});
