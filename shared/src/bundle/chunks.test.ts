import { generateKeyPairSync } from "node:crypto";
import { fromBinary } from "@bufbuild/protobuf";
import { describe, expect, it } from "vitest";
import { BUNDLE_BOUNDS } from "./bounds.js";
import { checkChunk, type MadeChunk, makeChunks } from "./chunks.js";
import { decodeChunk, decodeSnapshotManifest, type VerifiedManifest } from "./decode.js";
import { encodeSnapshotManifest } from "./encode.js";
import { signEnvelope } from "./envelope.js";
import { ChunkSchema } from "./gen/sluice/bundle/v1/bundle_pb.js";
import { publicKeyFromRaw, rawPublicKey, signerOf } from "./signing-keys.js";
import type { VerifiedBytes } from "./verified-bytes.js";
import { verify } from "./verify.js";

const { privateKey } = generateKeyPairSync("ed25519");
const trusted = { keys: [publicKeyFromRaw(rawPublicKey(privateKey))], threshold: 1 };

async function manifestOf(chunks: readonly MadeChunk[]): Promise<VerifiedManifest> {
  const payload = encodeSnapshotManifest({
    chunks: chunks.map(({ ref }) => ({ sha256: Uint8Array.from(ref.sha256), length: ref.length })),
  });
  const envelope = await signEnvelope(signerOf(privateKey), "snapshot", payload);
  return decodeSnapshotManifest(verify(envelope, trusted, "snapshot"));
}

function recordsOf(count: number, bytes: number): { id: string; body: Uint8Array }[] {
  return Array.from({ length: count }, (_, index) => ({
    id: `tenant/${String(index).padStart(6, "0")}`,
    body: new Uint8Array(bytes).fill(index),
  }));
}

function outcome(read: () => readonly { readonly id: string; readonly body: Uint8Array }[]): unknown {
  try {
    return read().map(({ id, body }) => [id, Buffer.from(body).toString("hex")]);
  } catch {
    return "refused";
  }
}

describe("chunks", () => {
  it("hold every record once, in order, and stay within their bound", async () => {
    const records = recordsOf(2000, 1000);
    const chunks = makeChunks(records);
    const manifest = await manifestOf(chunks);
    expect(chunks.length).toBeGreaterThan(5);
    for (const { bytes } of chunks) expect(bytes.length).toBeLessThanOrEqual(BUNDLE_BOUNDS.chunkBytes);
    const read = chunks.flatMap(({ bytes }, index) => decodeChunk(checkChunk(manifest, index, bytes)));
    expect(read.map(({ id }) => id)).toEqual(records.map(({ id }) => id));
    expect(read.every(({ body }, index) => Buffer.compare(body, records[index]?.body ?? body) === 0)).toBe(
      true,
    );
  });

  it("are read as the library reads them, or refused, wherever a bit is altered or the end is cut off", () => {
    const bytes = Buffer.concat(makeChunks(recordsOf(3, 20)).map((chunk) => chunk.bytes));
    const unknownFields = [0x98, 0x06, 0x01, 0x0a, 0x05, 0x0a, 0x01, 0x41, 0x18, 0x07];
    const whole = Buffer.concat([bytes, Buffer.from(unknownFields)]);
    const altered = Array.from(whole, (_, at) =>
      [1, 2, 8, 128].map((bit) => {
        const copy = Buffer.from(whole);
        copy.writeUInt8(copy.readUInt8(at) ^ bit, at);
        return copy;
      }),
    ).flat();
    let refused = 0;
    for (const each of [whole, ...Array.from(whole, (_, end) => whole.subarray(0, end)), ...altered]) {
      const byLibrary = outcome(() => fromBinary(ChunkSchema, each).records);
      const byHand = outcome(() => decodeChunk(each as unknown as VerifiedBytes<"chunk">));
      // It passes over the wire type of a field that it knows, and reads what nobody has written.
      if (byHand === "refused") refused += 1;
      else expect(byHand, each.toString("hex")).toEqual(byLibrary);
    }
    expect(refused).toBeGreaterThan(50);
    expect(decodeChunk(whole as unknown as VerifiedBytes<"chunk">).map(({ id }) => id)).toEqual([
      ...recordsOf(3, 20).map(({ id }) => id),
      "A",
    ]);
  });

  it("are the same bytes for the same records", () => {
    const hashes = () =>
      makeChunks(recordsOf(500, 2000)).map(({ ref }) => Buffer.from(ref.sha256).toString("hex"));
    expect(hashes()).toEqual(hashes());
  });

  it("give a record that alone is larger than a chunk one of its own", () => {
    const large = { id: "tenant/large", body: new Uint8Array(BUNDLE_BOUNDS.chunkBytes * 2) };
    expect(makeChunks([...recordsOf(1, 10), large, ...recordsOf(1, 10)])).toHaveLength(3);
    const tooLarge = { id: "tenant/large", body: new Uint8Array(BUNDLE_BOUNDS.recordBytes + 1) };
    expect(() => makeChunks([tooLarge])).toThrow(/too large/);
  });

  it("are refused when a bit differs, when they are cut, or when they stand in another place", async () => {
    const chunks = makeChunks(recordsOf(600, 1000));
    const manifest = await manifestOf(chunks);
    const [first, second] = chunks;
    if (first === undefined || second === undefined) throw new Error("expected two chunks");
    const altered = Uint8Array.from(first.bytes);
    altered[100] = (altered[100] ?? 0) ^ 1;
    expect(() => checkChunk(manifest, 0, altered)).toThrow(/another hash/);
    expect(() => checkChunk(manifest, 0, first.bytes.subarray(1))).toThrow(/bytes, not/);
    expect(() => checkChunk(manifest, 0, second.bytes)).toThrow();
    expect(() => checkChunk(manifest, chunks.length, first.bytes)).toThrow(/no chunk/);
  });
});
