import { generateKeyPairSync } from "node:crypto";
import {
  type DeltaContent,
  encodeDelta,
  encodeHeartbeat,
  encodeKeyring,
  encodeSnapshotManifest,
  makeChunks,
  publicKeyFromRaw,
  rawPublicKey,
  SCHEMA_VERSION,
  type Signer,
  type SnapshotManifestContent,
  StateTree,
  signEnvelope,
  signerOf,
  signKeyset,
} from "@sluice/shared/bundle";
import { type DataKey, makeDataKey, sealDataKey } from "@sluice/shared/secrets";
import type { Position } from "./position.js";

export const SCOPE = "region:here";
export const FAR_FUTURE_MS = 4_000_000_000_000n;

function makeKey(): { readonly signer: Signer; readonly raw: Uint8Array<ArrayBuffer> } {
  const { privateKey } = generateKeyPairSync("ed25519");
  return { signer: signerOf(privateKey), raw: Uint8Array.from(rawPublicKey(privateKey)) };
}

/** Records by id. The text "bad" is what a test's sink refuses. */
export type Records = Readonly<Record<string, string | Uint8Array>>;

function bytesOf(body: string | Uint8Array): Uint8Array<ArrayBuffer> {
  return typeof body === "string" ? Buffer.from(body) : Uint8Array.from(body);
}

export interface SignedSnapshot {
  readonly envelope: Uint8Array;
  readonly chunks: readonly Uint8Array[];
  readonly position: Position;
}

export interface SignedDelta {
  readonly envelope: Uint8Array;
  /** Where it leads. */
  readonly position: Position;
}

/** Keys, and everything that a control plane signs with them, for unit tests of what takes it. */
export class TestSigner {
  readonly root = makeKey();
  readonly otherRoot = makeKey();
  readonly config = makeKey();
  readonly otherConfig = makeKey();
  readonly dataKey: DataKey = makeDataKey();

  get rootKeys(): { keys: ReturnType<typeof publicKeyFromRaw>[]; threshold: number } {
    return { keys: [publicKeyFromRaw(this.root.raw)], threshold: 1 };
  }

  keyset(
    content: {
      version?: bigint;
      minEpoch?: bigint;
      expiresAtMs?: bigint;
      keys?: Uint8Array[];
      roots?: Signer[];
    } = {},
  ): Promise<Uint8Array> {
    const { roots = [this.root.signer] } = content;
    const { version = 1n, minEpoch = 1n, expiresAtMs = FAR_FUTURE_MS, keys = [this.config.raw] } = content;
    return signKeyset(roots, {
      version,
      minEpoch,
      expiresAtMs,
      configKeys: keys.map((publicKey) => ({ publicKey: Uint8Array.from(publicKey), scopes: [] })),
    });
  }

  async snapshot(
    generation: bigint,
    records: Records,
    replaces?: Position,
    change: Partial<SnapshotManifestContent> & { signer?: Signer; epoch?: bigint } = {},
  ): Promise<SignedSnapshot> {
    const { signer = this.config.signer, epoch = 1n, ...content } = change;
    const bodies = Object.entries(records)
      .map(([id, text]) => ({ id, body: bytesOf(text) }))
      .sort((a, b) => (a.id < b.id ? -1 : 1));
    const { root } = StateTree.of(bodies.map(({ id, body }) => [id, body] as const));
    const chunks = makeChunks(bodies);
    const envelope = await signEnvelope(
      signer,
      "snapshot",
      encodeSnapshotManifest({
        scope: SCOPE,
        epoch,
        state: { generation, root: Uint8Array.from(root) },
        schemaVersion: SCHEMA_VERSION,
        recordCount: BigInt(bodies.length),
        chunks: chunks.map(({ ref }) => ({ sha256: Uint8Array.from(ref.sha256), length: ref.length })),
        ...(replaces === undefined
          ? {}
          : { replaces: { generation: replaces.generation, root: Uint8Array.from(replaces.root) } }),
        ...content,
      } as SnapshotManifestContent),
    );
    return {
      envelope,
      chunks: chunks.map(({ bytes }) => bytes),
      position: { epoch, generation, root: Uint8Array.from(root) },
    };
  }

  /** From one set of records to another, by default with all that differs and the root that it leads to. */
  async delta(
    from: Position,
    before: Records,
    generation: bigint,
    after: Records,
    change: Partial<DeltaContent> & { signer?: Signer } = {},
  ): Promise<SignedDelta> {
    const { signer = this.config.signer, ...content } = change;
    const { root } = StateTree.of(Object.entries(after).map(([id, text]) => [id, bytesOf(text)] as const));
    const { epoch } = from;
    const envelope = await signEnvelope(
      signer,
      "delta",
      encodeDelta({
        scope: SCOPE,
        epoch,
        from: { generation: from.generation, root: Uint8Array.from(from.root) },
        to: { generation, root: Uint8Array.from(root) },
        schemaVersion: SCHEMA_VERSION,
        upsert: Object.entries(after)
          .filter(([id, text]) => before[id] !== text)
          .map(([id, text]) => ({ id, body: bytesOf(text) })),
        remove: Object.keys(before).filter((id) => after[id] === undefined),
        ...content,
      } as DeltaContent),
    );
    return { envelope, position: { epoch, generation, root: Uint8Array.from(root) } };
  }

  heartbeat(
    at: Position,
    issuedAtMs: bigint,
    expiresAtMs = FAR_FUTURE_MS,
    scope = SCOPE,
  ): Promise<Uint8Array> {
    return signEnvelope(
      this.config.signer,
      "heartbeat",
      encodeHeartbeat({
        scope,
        epoch: at.epoch,
        state: { generation: at.generation, root: Uint8Array.from(at.root) },
        issuedAtMs,
        expiresAtMs,
      }),
    );
  }

  async keyring(
    instance: string,
    recipient: Uint8Array,
    dataKeys: readonly DataKey[] = [this.dataKey],
  ): Promise<Uint8Array> {
    const place = { scope: SCOPE, group: "tests", instance };
    const sealed = await Promise.all(dataKeys.map((key) => sealDataKey(key, place, recipient)));
    return signEnvelope(
      this.config.signer,
      "keyring",
      encodeKeyring({
        ...place,
        dataKeys: sealed.map(({ keyId, enc, ciphertext }) => ({
          keyId,
          enc: Uint8Array.from(enc),
          ciphertext: Uint8Array.from(ciphertext),
        })),
      }),
    );
  }
}
