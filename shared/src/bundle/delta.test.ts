import { generateKeyPairSync } from "node:crypto";
import { describe, expect, it } from "vitest";
import { decodeDelta, decodeSnapshotManifest } from "./decode.js";
import { type DeltaContent, encodeDelta } from "./encode.js";
import { signEnvelope } from "./envelope.js";
import { BundleRefused } from "./refusal.js";
import { publicKeyFromRaw, rawPublicKey, signerOf } from "./signing-keys.js";
import { verify } from "./verify.js";

const { privateKey } = generateKeyPairSync("ed25519");
const signer = signerOf(privateKey);
const trusted = { keys: [publicKeyFromRaw(rawPublicKey(privateKey))], threshold: 1 };
const body = Buffer.from("content");

async function carried(content: DeltaContent) {
  return decodeDelta(verify(await signEnvelope(signer, "delta", encodeDelta(content)), trusted, "delta"));
}

describe("a delta", () => {
  it("brings what was put in, with the bytes as they were", async () => {
    const root = Buffer.alloc(32, 1);
    const delta = await carried({
      scope: "region:eu",
      epoch: 2n,
      from: { generation: 5n, root },
      to: { generation: 9n, root },
      upsert: [{ id: "tenant/a", body }],
      remove: ["tenant/b"],
    });
    expect(delta).toMatchObject({ scope: "region:eu", epoch: 2n, remove: ["tenant/b"] });
    expect([delta.from?.generation, delta.to?.generation]).toEqual([5n, 9n]);
    expect(Buffer.from(delta.upsert[0]?.body ?? []).equals(body)).toBe(true);
  });

  it.each([
    ["twice among what is written", { upsert: [1, 2].map(() => ({ id: "tenant/a", body })) }],
    ["twice among what is removed", { remove: ["tenant/a", "tenant/a"] }],
    ["in both lists", { upsert: [{ id: "tenant/a", body }], remove: ["tenant/a"] }],
    ["that could be read in two ways", { remove: ["tenant/a b"] }],
    ["that is empty", { upsert: [{ id: "", body }] }],
  ])("is refused with an id %s", async (_what, content: DeltaContent) => {
    await expect(carried(content)).rejects.toThrow(BundleRefused);
  });

  it("passes for nothing else", async () => {
    const envelope = await signEnvelope(signer, "delta", encodeDelta({ scope: "region:eu" }));
    expect(() => decodeSnapshotManifest(verify(envelope, trusted, "snapshot"))).toThrow(
      /another payload type/,
    );
  });
});
