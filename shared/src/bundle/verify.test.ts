import { generateKeyPairSync } from "node:crypto";
import fc from "fast-check";
import { beforeAll, describe, expect, it } from "vitest";
import { BUNDLE_BOUNDS } from "./bounds.js";
import { signEnvelope } from "./envelope.js";
import { BundleRefused, type RefusalCode } from "./refusal.js";
import { publicKeyFromRaw, rawPublicKey, signerOf } from "./signing-keys.js";
import { verify } from "./verify.js";

function makeKey() {
  const { privateKey } = generateKeyPairSync("ed25519");
  return { signer: signerOf(privateKey), public: publicKeyFromRaw(rawPublicKey(privateKey)) };
}

function refusalOf(attempt: () => unknown): RefusalCode | undefined {
  try {
    attempt();
    return undefined;
  } catch (error) {
    if (error instanceof BundleRefused) return error.refusal;
    throw error;
  }
}

const PAYLOAD = Buffer.from("what an operator published", "utf8");

describe("an envelope", () => {
  const mine = makeKey();
  const other = makeKey();
  const trusted = { keys: [mine.public], threshold: 1 };
  let envelope: Uint8Array;

  beforeAll(async () => {
    envelope = await signEnvelope(mine.signer, "snapshot", PAYLOAD);
  });

  it("gives back exactly the bytes that were signed", () => {
    expect(Buffer.from(verify(envelope, trusted, "snapshot")).equals(PAYLOAD)).toBe(true);
  });

  it("is refused when any one of its bits is another one", () => {
    fc.assert(
      fc.property(fc.nat(envelope.length * 8 - 1), (bit) => {
        const altered = Uint8Array.from(envelope);
        altered[bit >> 3] = (altered[bit >> 3] ?? 0) ^ (1 << (bit & 7));
        return refusalOf(() => verify(altered, trusted, "snapshot")) !== undefined;
      }),
      { numRuns: 1000 },
    );
  });

  it("is refused wherever it is cut, and with anything behind it", () => {
    for (let length = 0; length < envelope.length; length += 1) {
      expect(
        refusalOf(() => verify(envelope.subarray(0, length), trusted, "snapshot")),
        `${length} bytes`,
      ).toBeDefined();
    }
    expect(refusalOf(() => verify(Buffer.concat([envelope, Buffer.from([0])]), trusted, "snapshot"))).toBe(
      "MALFORMED",
    );
  });

  it("never does anything but be refused when it is random bytes", () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 300 }),
        (bytes) => refusalOf(() => verify(bytes, trusted, "snapshot")) !== undefined,
      ),
    );
  });

  it("of another key is refused, also when it claims the trusted key's id", async () => {
    const theirs = await signEnvelope(other.signer, "snapshot", PAYLOAD);
    expect(refusalOf(() => verify(theirs, trusted, "snapshot"))).toBe("SIGNATURE");
    const posing = await signEnvelope({ ...other.signer, keyId: mine.public.id }, "snapshot", PAYLOAD);
    expect(refusalOf(() => verify(posing, trusted, "snapshot"))).toBe("SIGNATURE");
  });

  it("cannot pass for one of another type", () => {
    expect(refusalOf(() => verify(envelope, trusted, "heartbeat"))).toBe("PAYLOAD_TYPE");
  });

  it("counts keys, not signatures, against the threshold", async () => {
    const both = { keys: [mine.public, other.public], threshold: 2 };
    const twiceMine = await signEnvelope([mine.signer, mine.signer], "keyset", PAYLOAD);
    expect(refusalOf(() => verify(twiceMine, both, "keyset"))).toBe("SIGNATURE");
    const oneEach = await signEnvelope([mine.signer, other.signer], "keyset", PAYLOAD);
    expect(refusalOf(() => verify(oneEach, both, "keyset"))).toBeUndefined();
  });

  it("is refused where nobody is trusted, and where the threshold is 0", () => {
    expect(refusalOf(() => verify(envelope, { keys: [], threshold: 1 }, "snapshot"))).toBe("SIGNATURE");
    expect(refusalOf(() => verify(envelope, { keys: [], threshold: 0 }, "snapshot"))).toBe("SIGNATURE");
  });

  it("is not looked into when it is larger than the bound", () => {
    const large = new Uint8Array(BUNDLE_BOUNDS.envelopeBytes + 1);
    expect(refusalOf(() => verify(large, trusted, "snapshot"))).toBe("TOO_LARGE");
  });
});
