import { deriveScramKeys, type ScramVerifier, sha256 } from "@sluice/shared/secrets";
import { describe, expect, it } from "vitest";
import { AuthProtocolViolation } from "./auth-failure.js";
import { MockVerifiers } from "./mock-verifier.js";
import { keysFromPassword, ScramClient } from "./scram-client.js";
import { ScramServer } from "./scram-server.js";
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

async function challenged(mock = false): Promise<ScramServer> {
  const server = new ScramServer(await verifier(), mock, SERVER_NONCE);
  server.challenge(CLIENT_FIRST);
  return server;
}

describe("ScramServer", () => {
  it("says what RFC 7677's example says, and learns the client's key", async () => {
    const server = new ScramServer(await verifier(), false, SERVER_NONCE);
    expect(server.challenge(CLIENT_FIRST)).toBe(SERVER_FIRST);
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
      const server = new ScramServer(await verifier(), false, SERVER_NONCE);
      expect(() => server.challenge(first), first).toThrow(AuthProtocolViolation);
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
    const client = new ScramClient(keysFromPassword("pencil"), CLIENT_NONCE);
    const server = new ScramServer(await verifier(), false, SERVER_NONCE);
    expect(client.first()).toBe(`n,,n=,r=${CLIENT_NONCE}`);
    const serverFirst = server.challenge(client.first());
    expect(serverFirst).toBe(SERVER_FIRST);
    const outcome = server.finish(await client.respond(serverFirst));
    if (!outcome.accepted) throw new Error("the right password was not accepted");
    expect(() => client.verify(outcome.serverFinal)).not.toThrow();
  });

  it("is not accepted with a wrong password", async () => {
    const client = new ScramClient(keysFromPassword("pen"), CLIENT_NONCE);
    const server = new ScramServer(await verifier(), false, SERVER_NONCE);
    const final = await client.respond(server.challenge(client.first()));
    expect(server.finish(final)).toEqual({ accepted: false });
  });

  it("refuses a signature that is wrong, absent or early", async () => {
    const client = new ScramClient(keysFromPassword("pencil"), CLIENT_NONCE);
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
      const client = new ScramClient(keysFromPassword("pencil"), CLIENT_NONCE);
      await expect(client.respond(first), first).rejects.toThrow(ServerAuthFailure);
    }
  });
});

describe("MockVerifiers", () => {
  it("give a name the same salt each time and other names other salts", () => {
    const mocks = new MockVerifiers();
    expect(mocks.for("t", "u")).toEqual(mocks.for("t", "u"));
    expect(mocks.for("t", "u").salt).not.toEqual(mocks.for("t", "v").salt);
    expect(mocks.for("t", "u").salt).not.toEqual(mocks.for("s", "u").salt);
  });
});
