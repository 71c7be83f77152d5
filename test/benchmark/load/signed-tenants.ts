import { createPrivateKey, generateKeyPairSync, type KeyObject, randomUUID } from "node:crypto";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Configuration } from "@sluice/data-plane/subscription/configuration";
import { Directory, examineRecord, keepRecords } from "@sluice/data-plane/tenants/index";
import type { Credentials } from "@sluice/local/credentials";
import {
  encodeDelta,
  encodeKeyring,
  encodeSnapshotManifest,
  encodeTenant,
  IpVersion,
  makeChunks,
  publicKeyFromRaw,
  rawPublicKey,
  SCHEMA_VERSION,
  type Signer,
  StateTree,
  signEnvelope,
  signerOf,
  signKeyset,
  tenantRecordId,
} from "@sluice/shared/bundle";
import { silentLogger } from "@sluice/shared/observability";
import {
  formatVerifier,
  loadOrMakeNodeKey,
  makeDataKey,
  makeVerifier,
  rawNodePublicKey,
  sealDataKey,
  sealField,
} from "@sluice/shared/secrets";
import { systemClock } from "@sluice/shared/time";

/** A database and who logs in there, the same for all tenants. */
export interface TenantDatabase {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly password: string;
  readonly database: string;
}

interface TenantRecord {
  readonly id: string;
  readonly body: Uint8Array;
}

/** The tenant with this number. */
export function externalIdOf(index: number): string {
  return `tenant-${String(index).padStart(6, "0")}`;
}

/** Makes records as a control plane does, secrets sealed. */
export class RecordMaker {
  readonly dataKey = makeDataKey();
  readonly scope: string;
  readonly #database: TenantDatabase;
  readonly #verifier: string;

  private constructor(scope: string, database: TenantDatabase, verifier: string) {
    this.scope = scope;
    this.#database = database;
    this.#verifier = verifier;
  }

  static async make(scope: string, database: TenantDatabase): Promise<RecordMaker> {
    return new RecordMaker(scope, database, formatVerifier(await makeVerifier(database.password)));
  }

  /** @param poolSize so that one can be told from the one before */
  record(index: number, poolSize = 20): TenantRecord {
    const externalId = externalIdOf(index);
    const { host, port, user, password, database } = this.#database;
    const seal = (field: string, secret: string) =>
      sealField(this.dataKey, { scope: this.scope, tenant: externalId, field }, secret);
    const body = encodeTenant({
      externalId,
      dbHost: host,
      dbPort: port,
      dbDatabase: database,
      ipVersion: IpVersion.AUTO,
      requireUser: true,
      defaultPoolSize: poolSize,
      defaultMaxClients: 200,
      allowList: ["0.0.0.0/0", "::/0"],
      users: [
        {
          dbUser: user,
          poolSize,
          poolCheckoutTimeoutMs: 60_000,
          dbUserAlias: user,
          sealedPassword: seal(`users/${user}/db_password`, password),
          sealedVerifier: seal(`users/${user}/verifier`, this.#verifier),
        },
      ],
    });
    return { id: tenantRecordId(externalId), body };
  }
}

/** Who signs: keys of its own, or those of a fleet on this machine. */
export interface Signing {
  readonly signer: Signer;
  readonly keyset: Uint8Array;
  readonly rootKey: Uint8Array<ArrayBuffer>;
}

export async function makeSigning(): Promise<Signing> {
  const [root, config] = [0, 1].map(() => generateKeyPairSync("ed25519").privateKey) as [
    KeyObject,
    KeyObject,
  ];
  const keyset = await signKeyset([signerOf(root)], {
    version: 1n,
    minEpoch: 1n,
    expiresAtMs: BigInt(Date.now() + 3_600_000),
    configKeys: [{ publicKey: Uint8Array.from(rawPublicKey(config)), scopes: [] }],
  });
  return { signer: signerOf(config), keyset, rootKey: Uint8Array.from(rawPublicKey(root)) };
}

export function signingOf(credentials: Credentials): Signing {
  return {
    signer: signerOf(createPrivateKey(readFileSync(credentials.configKeyPath))),
    keyset: readFileSync(credentials.keysetPath),
    rootKey: Uint8Array.from(Buffer.from(credentials.trustRootKey, "base64")),
  };
}

/** Many tenants in the folder of a data plane, signed, sealed, accepted and written by the product itself. */
export class SignedTenants {
  readonly configuration: Configuration;
  readonly #maker: RecordMaker;
  readonly #signing: Signing;
  #tree: StateTree;
  #generation = 1n;

  private constructor(configuration: Configuration, maker: RecordMaker, signing: Signing, tree: StateTree) {
    this.configuration = configuration;
    this.#maker = maker;
    this.#signing = signing;
    this.#tree = tree;
  }

  /** @param folder the data plane's DATA_DIR */
  static async write(
    folder: string,
    count: number,
    maker: RecordMaker,
    signing: Signing,
  ): Promise<SignedTenants> {
    const { scope, dataKey } = maker;
    const { signer, keyset } = signing;
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    const instance = randomUUID();
    writeFileSync(join(folder, "instance-id"), `${instance}\n`);
    const nodeKey = await loadOrMakeNodeKey(join(folder, "node-key.pem"));
    const directory = new Directory({ tellsOfAll: true });
    const configuration = await Configuration.open({
      folder: join(folder, "configuration"),
      scope,
      instance,
      nodeKey,
      rootKeys: { keys: [publicKeyFromRaw(signing.rootKey)], threshold: 1 },
      sink: {
        examine: (id, body, dataKeys) => examineRecord(id, body, scope, dataKeys),
        apply: (change) => keepRecords(directory, change),
      },
      build: "benchmark",
      clock: systemClock,
      logger: silentLogger,
    });
    const records = Array.from({ length: count }, (_, index) => maker.record(index));
    const tree = StateTree.of(records.map(({ id, body }) => [id, body] as const));
    const chunks = makeChunks(records);
    await configuration.takeKeyset(keyset);
    const place = { scope, group: "benchmark", instance };
    const sealed = await sealDataKey(dataKey, place, Uint8Array.from(rawNodePublicKey(nodeKey)));
    const keyring = encodeKeyring({
      ...place,
      dataKeys: [
        {
          keyId: sealed.keyId,
          enc: Uint8Array.from(sealed.enc),
          ciphertext: Uint8Array.from(sealed.ciphertext),
        },
      ],
    });
    await configuration.takeKeyring(await signEnvelope(signer, "keyring", keyring));
    const manifest = encodeSnapshotManifest({
      scope,
      epoch: 1n,
      state: { generation: 1n, root: Uint8Array.from(tree.root) },
      schemaVersion: SCHEMA_VERSION,
      recordCount: BigInt(count),
      chunks: chunks.map(({ ref }) => ({ sha256: Uint8Array.from(ref.sha256), length: ref.length })),
    });
    await configuration.takeManifest(await signEnvelope(signer, "snapshot", manifest));
    for (const { bytes } of chunks) await configuration.takeChunk(bytes);
    const [problem] = configuration.quarantined.values();
    if (problem !== undefined || directory.size !== count) throw new Error(problem ?? "not all are there");
    return new SignedTenants(configuration, maker, signing, tree);
  }

  /** One tenant's change: built and signed as a control plane does it. `taken` gives it to the data plane. */
  async change(index: number, poolSize: number): Promise<{ readonly bytes: number; taken(): Promise<void> }> {
    const { scope } = this.#maker;
    const { id, body } = this.#maker.record(index, poolSize);
    const from = { generation: this.#generation, root: Uint8Array.from(this.#tree.root) };
    this.#generation += 1n;
    this.#tree = this.#tree.with({ upsert: [[id, body]] });
    const to = { generation: this.#generation, root: Uint8Array.from(this.#tree.root) };
    const upsert = [{ id, body: Uint8Array.from(body) }];
    const content = { scope, epoch: 1n, from, to, schemaVersion: SCHEMA_VERSION, upsert };
    const envelope = await signEnvelope(this.#signing.signer, "delta", encodeDelta(content));
    return {
      bytes: envelope.length,
      taken: async () => {
        const { kind } = await this.configuration.takeDelta(envelope);
        if (kind !== "taken") throw new Error(`the delta is ${kind}`);
      },
    };
  }
}
