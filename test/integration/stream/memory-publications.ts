import { generateKeyPairSync } from "node:crypto";
import type {
  Held,
  Holder,
  KeyringInput,
  PublishedSnapshot,
  ScopePublications,
  Since,
} from "@sluice/control-plane/publishing/index";
import {
  encodeHeartbeat,
  encodeKeyring,
  encodeSnapshotManifest,
  encodeTenant,
  makeChunks,
  rawPublicKey,
  SCHEMA_VERSION,
  type Signer,
  StateTree,
  signEnvelope,
  signerOf,
  signKeyset,
  tenantRecordId,
} from "@sluice/shared/bundle";
import { type DataKey, makeDataKey } from "@sluice/shared/secrets";

const HOUR_MS = 3_600_000;

export interface SigningKey {
  readonly signer: Signer;
  readonly raw: Uint8Array<ArrayBuffer>;
}

export function makeSigningKey(): SigningKey {
  const { privateKey } = generateKeyPairSync("ed25519");
  return { signer: signerOf(privateKey), raw: Uint8Array.from(rawPublicKey(privateKey)) };
}

/** What a test may put in the place of what an honest control plane would sign. */
export interface Forgery {
  readonly signer?: Signer;
  readonly scope?: string;
  readonly generation?: bigint;
  readonly allowMassRemoval?: boolean;
  /** On the way, after signing. */
  readonly envelope?: (bytes: Uint8Array) => Uint8Array;
  readonly chunk?: (bytes: Uint8Array) => Uint8Array;
}

interface Generation extends Held {
  readonly records: readonly { readonly id: string; readonly body: Uint8Array }[];
}

/** Publications, the same for every scope, really signed, with a history in memory. */
export class MemoryPublications implements ScopePublications {
  readonly root = makeSigningKey();
  readonly config = makeSigningKey();
  readonly dataKey: DataKey = makeDataKey();
  readonly #history: Generation[] = [];
  readonly #subscribers = new Set<() => void>();
  /** By what they lead from and to: signed once, as those that are stored. */
  readonly #snapshots = new Map<string, Promise<PublishedSnapshot>>();
  #keyset: Uint8Array = new Uint8Array();
  #forgery: Forgery | undefined;
  #rewritten: Generation | undefined;

  private constructor() {}

  static async open(): Promise<MemoryPublications> {
    const publications = new MemoryPublications();
    publications.#keyset = await signKeyset([publications.root.signer], {
      version: 1n,
      minEpoch: 1n,
      issuedAtMs: BigInt(Date.now()),
      expiresAtMs: BigInt(Date.now() + HOUR_MS),
      configKeys: [{ publicKey: publications.config.raw, scopes: [] }],
    });
    publications.publish({});
    return publications;
  }

  get generation(): bigint {
    return this.#newest.generation;
  }

  /** Publishes tenants by name, each with its `db_host`. @param appended to each record, as a newer build signs it */
  publish(tenants: Readonly<Record<string, string>>, { appended = new Uint8Array() } = {}): bigint {
    const generation = BigInt(this.#history.length + 1);
    this.#history.push(generationOf(generation, tenants, appended));
    this.tell();
    return generation;
  }

  /** Another content under the newest generation's number, as no honest control plane signs. */
  rewrite(tenants: Readonly<Record<string, string>>): void {
    this.#rewritten = generationOf(this.generation, tenants);
    this.#snapshots.clear();
    this.tell();
  }

  /** Forgets everything, as a database that was restored from an old backup. */
  forget(): void {
    this.#history.length = 1;
    this.#snapshots.clear();
  }

  /** From now on snapshots are forged like this; undefined: honest again. */
  forge(forgery: Forgery | undefined): void {
    this.#forgery = forgery;
    this.#snapshots.clear();
    if (forgery === undefined) this.#rewritten = undefined;
  }

  tell(): void {
    for (const subscriber of [...this.#subscribers]) subscriber();
  }

  ensureScope(): Promise<void> {
    return Promise.resolve();
  }

  async since(scope: string, { held }: Holder): Promise<Since> {
    if (held === undefined) return { kind: "snapshot", snapshot: await this.#stored(scope, undefined) };
    const known = this.#history.find(
      ({ epoch, generation, stateRoot }) =>
        epoch === held.epoch &&
        generation === held.generation &&
        Buffer.compare(stateRoot, held.stateRoot) === 0,
    );
    if (known === undefined) return { kind: "ahead", proven: true, forked: false };
    if (known === this.#newest && this.#forgery === undefined) return { kind: "current" };
    return { kind: "snapshot", snapshot: await this.#stored(scope, known) };
  }

  subscribe(_scope: string, onPublished: () => void): () => void {
    const own = () => onPublished();
    this.#subscribers.add(own);
    return () => {
      this.#subscribers.delete(own);
    };
  }

  get subscribers(): number {
    return this.#subscribers.size;
  }

  dataKeys(): Promise<readonly DataKey[]> {
    return Promise.resolve([this.dataKey]);
  }

  signHeartbeat(scope: string): Promise<Uint8Array> {
    const { epoch, generation, stateRoot } = this.#newest;
    const nowMs = Date.now();
    return signEnvelope(
      this.config.signer,
      "heartbeat",
      encodeHeartbeat({
        scope,
        epoch,
        state: { generation, root: stateRoot },
        issuedAtMs: BigInt(nowMs),
        expiresAtMs: BigInt(nowMs + HOUR_MS),
      }),
    );
  }

  signKeyring({ scope, group, instance, dataKeys }: KeyringInput): Promise<Uint8Array> {
    return signEnvelope(
      this.config.signer,
      "keyring",
      encodeKeyring({
        scope,
        group,
        instance,
        dataKeys: [...dataKeys],
        issuedAtMs: BigInt(Date.now()),
      }),
    );
  }

  keysetEnvelope(): Uint8Array {
    return this.#keyset;
  }

  get #newest(): Generation {
    const newest = this.#history.at(-1);
    if (newest === undefined) throw new Error("nothing is published");
    return newest;
  }

  #stored(scope: string, replaces: Held | undefined): Promise<PublishedSnapshot> {
    const way = `${scope} ${replaces?.generation} ${this.generation}`;
    const stored = this.#snapshots.get(way) ?? this.#snapshot(scope, replaces);
    this.#snapshots.set(way, stored);
    return stored;
  }

  async #snapshot(scope: string, replaces: Held | undefined): Promise<PublishedSnapshot> {
    const forgery = this.#forgery ?? {};
    const newest = this.#newest;
    const generation = forgery.generation ?? newest.generation;
    const { epoch, stateRoot, records } =
      this.#rewritten ?? this.#history.find((published) => published.generation === generation) ?? newest;
    const chunks = makeChunks(records);
    const envelope = await signEnvelope(
      forgery.signer ?? this.config.signer,
      "snapshot",
      encodeSnapshotManifest({
        scope: forgery.scope ?? scope,
        epoch,
        state: { generation, root: stateRoot },
        issuedAtMs: BigInt(Date.now()),
        schemaVersion: SCHEMA_VERSION,
        recordCount: BigInt(records.length),
        allowMassRemoval: forgery.allowMassRemoval ?? false,
        chunks: chunks.map(({ ref }) => ({ sha256: Uint8Array.from(ref.sha256), length: ref.length })),
        ...(replaces === undefined
          ? {}
          : { replaces: { generation: replaces.generation, root: replaces.stateRoot } }),
      }),
    );
    return {
      scope,
      epoch,
      generation,
      stateRoot,
      envelope: forgery.envelope?.(envelope) ?? envelope,
      async *chunks() {
        for (const { bytes } of chunks) yield forgery.chunk?.(bytes) ?? bytes;
      },
    };
  }
}

function generationOf(
  generation: bigint,
  tenants: Readonly<Record<string, string>>,
  appended = new Uint8Array(),
): Generation {
  const records = Object.entries(tenants)
    .map(([externalId, dbHost]) => ({
      id: tenantRecordId(externalId),
      body: Buffer.concat([
        encodeTenant({ externalId, dbHost, dbPort: 5432, dbDatabase: "postgres" }),
        appended,
      ]),
    }))
    .sort((a, b) => (a.id < b.id ? -1 : 1));
  const stateRoot = StateTree.of(records.map(({ id, body }) => [id, body] as const)).root;
  return { epoch: 1n, generation, stateRoot, records };
}
