import { generateKeyPairSync } from "node:crypto";
import { describe, expect, it } from "vitest";
import {
  configKeysFor,
  followsKeyset,
  notExpired,
  openKeyset,
  signKeyset,
  type TrustedKeyset,
} from "./keyset.js";
import { publicKeyFromRaw, rawPublicKey, signerOf } from "./signing-keys.js";

function makeKey() {
  const { privateKey } = generateKeyPairSync("ed25519");
  const raw = Uint8Array.from(rawPublicKey(privateKey));
  return { signer: signerOf(privateKey), public: publicKeyFromRaw(raw), raw };
}

const root = makeKey();
const rootKeys = { keys: [root.public], threshold: 1 };
const config = makeKey();
const limited = makeKey();

async function keyset(version: bigint, minEpoch = 1n, signer = root.signer): Promise<TrustedKeyset> {
  const envelope = await signKeyset([signer], {
    version,
    minEpoch,
    expiresAtMs: 2000n,
    configKeys: [
      { publicKey: config.raw, scopes: [] },
      { publicKey: limited.raw, scopes: ["region:eu"] },
    ],
  });
  return openKeyset(envelope, rootKeys);
}

describe("a keyset", () => {
  it("counts only when a root key signed it", async () => {
    expect((await keyset(3n)).version).toBe(3n);
    await expect(keyset(3n, 1n, config.signer)).rejects.toThrow(/no trusted signature/);
  });

  it("lets a key sign for the scopes that it is limited to", async () => {
    const held = await keyset(1n);
    const idsFor = (scope: string) => configKeysFor(held, scope).keys.map(({ id }) => id);
    expect(idsFor("region:eu")).toEqual([config.public.id, limited.public.id]);
    expect(idsFor("region:us")).toEqual([config.public.id]);
  });

  it("is followed by a higher version only, and never by a lower epoch", async () => {
    const held = await keyset(2n, 5n);
    expect(followsKeyset(undefined, held)).toBe("newer");
    expect(followsKeyset(held, held)).toBe("same");
    expect(followsKeyset(held, await keyset(3n, 5n))).toBe("newer");
    const older = await keyset(1n, 5n);
    expect(() => followsKeyset(held, older)).toThrow(/version 1, held is 2/);
    const lower = await keyset(3n, 4n);
    expect(() => followsKeyset(held, lower)).toThrow(/lowers the epoch/);
    const another = await keyset(2n, 6n);
    expect(() => followsKeyset(held, another)).toThrow(/two keysets/);
  });

  it("opens after its expiry, which only what is new is held against", async () => {
    const held = await keyset(1n);
    expect(notExpired(held, 1999)).toBe(held);
    expect(() => notExpired(held, 2000)).toThrow(/expired/);
  });
});
