import { generateKeyPairSync } from "node:crypto";
import { FakeClock } from "@sluice/shared/time";
import { describe, expect, it } from "vitest";
import { BlockedTokens } from "../operators/index.js";
import { mintDataPlaneToken, TokenRefused } from "./data-plane-token.js";
import { KnownTokens } from "./known-tokens.js";

const DAY_MS = 24 * 3600 * 1000;
const BASE64URL = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

const signatureOf = (token: string): string =>
  Buffer.from(token.split(".")[2] ?? "", "base64url").toString("hex");

describe("a token that was good before", () => {
  const keys = generateKeyPairSync("ed25519");
  const clock = new FakeClock();
  const known = new KnownTokens(keys.publicKey, new BlockedTokens(), clock);
  const mint = (group: string, privateKey = keys.privateKey) =>
    mintDataPlaneToken(privateKey, { group, region: "eu", days: 1 }, clock.now());

  it("names the same caller, and another one names another", async () => {
    const token = await mint("pods");
    const first = await known.callerOf(token);
    expect(await known.callerOf(token)).toBe(first);
    expect(first).toMatchObject({ group: "pods", scope: "region:eu" });
    expect(await known.callerOf(await mint("metal"))).toMatchObject({ group: "metal" });
  });

  it("is refused from the moment at which it expires, and again after that", async () => {
    const token = await mint("pods");
    const { expiresAtMs } = await known.callerOf(token);
    clock.advance(expiresAtMs - clock.now() - 1);
    await known.callerOf(token);
    clock.advance(1);
    await expect(known.callerOf(token)).rejects.toBeInstanceOf(TokenRefused);
    await expect(known.callerOf(token)).rejects.toThrow(/expired/);
    clock.advance(DAY_MS);
    await expect(known.callerOf(token)).rejects.toBeInstanceOf(TokenRefused);
  });

  it("makes no other one good: one bit more, another key, none", async () => {
    const token = await mint("pods");
    await known.callerOf(token);
    for (const other of [`${token}A`, token.slice(0, -1), "", undefined]) {
      await expect(known.callerOf(other)).rejects.toBeInstanceOf(TokenRefused);
    }
    const foreign = await mint("pods", generateKeyPairSync("ed25519").privateKey);
    for (let time = 0; time < 2; time += 1) {
      await expect(known.callerOf(foreign)).rejects.toThrow(/signed by another key/);
    }
  });

  it("is refused all the same where it is blocked", async () => {
    const token = await mint("pods");
    const blocking = new KnownTokens(keys.publicKey, new BlockedTokens([token]), clock);
    for (let time = 0; time < 2; time += 1) {
      await expect(blocking.callerOf(token)).rejects.toThrow(/blocked/);
    }
  });

  it("has one spelling: with bits in it that no decoder looks at, it is refused, and blocked where it is", async () => {
    const token = await mint("pods");
    const blocking = new KnownTokens(keys.publicKey, new BlockedTokens([token]), clock);
    const last = BASE64URL.indexOf(token.at(-1) ?? "");
    for (const other of [1, 2, 3].map((bits) => token.slice(0, -1) + BASE64URL[last ^ bits])) {
      expect(signatureOf(other)).toBe(signatureOf(token));
      await expect(known.callerOf(other)).rejects.toThrow(/not spelled as it was made/);
      await expect(blocking.callerOf(other)).rejects.toThrow(/blocked/);
    }
  });

  it("is remembered within a bound", async () => {
    const first = await mint("first");
    const caller = await known.callerOf(first);
    for (let index = 0; index < 1000; index += 1) await known.callerOf(await mint(`group-${index}`));
    const again = await known.callerOf(first);
    expect(again).toEqual(caller);
    expect(again).not.toBe(caller);
  });
});
