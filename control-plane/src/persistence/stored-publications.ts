import { tenantRecordId } from "@sluice/shared/bundle";
import type { Logger } from "@sluice/shared/observability";
import { type DataKey, makeDataKey } from "@sluice/shared/secrets";
import { Backoff, type Clock } from "@sluice/shared/time";
import pg from "pg";
import type { DataSource, EntityManager } from "typeorm";
import {
  makeTenantRecord,
  type NewSnapshot,
  type PublicationStore,
  type PublishedState,
  type ScopeMoment,
  type StoredRecord,
} from "../publishing/index.js";
import { GENERATION_CHANNEL, takeGeneration } from "./scope-rows.js";
import { TenantRows } from "./tenant-rows.js";
import type { Vault } from "./vault.js";

/** Behind LISTEN: a notice that was lost is made up for within this time. */
const POLL_MS = 1000;
const KEPT_GENERATIONS = 5;
/** How far back it is known which records a state had. */
const GENERATIONS_WITH_IDS = 100;

interface StateRow {
  epoch: string;
  generation: string;
  state_root: Buffer;
  chunk_hashes: Buffer[];
}

/** Signed bytes in Postgres, the same for all replicas. */
export class StoredPublications implements PublicationStore {
  readonly #dataSource: DataSource;
  readonly #url: string;
  readonly #vault: Vault;
  readonly #rows: TenantRows;
  readonly #clock: Clock;
  readonly #logger: Logger;

  constructor(dataSource: DataSource, url: string, vault: Vault, clock: Clock, logger: Logger) {
    this.#dataSource = dataSource;
    this.#url = url;
    this.#vault = vault;
    this.#rows = new TenantRows(vault);
    this.#clock = clock;
    this.#logger = logger;
  }

  async ensureScope(scope: string): Promise<void> {
    const known: unknown[] = await this.#dataSource.query("SELECT 1 FROM scopes WHERE scope = $1", [scope]);
    if (known.length > 0) return;
    await this.#dataSource.transaction(async (manager) => {
      // The generation's lock comes first: every tenant of an older one is seen, every newer one sees the scope.
      const generation = await takeGeneration(manager);
      const again: unknown[] = await manager.query("SELECT 1 FROM scopes WHERE scope = $1", [scope]);
      if (again.length > 0) return;
      const dataKey = makeDataKey();
      await manager.query(
        "INSERT INTO scopes (scope, generation, data_key_id, data_key_encrypted) VALUES ($1, $2, $3, $4)",
        [scope, String(generation), dataKey.id, this.#vault.seal(dataKey.key)],
      );
      for (const tenant of await this.#rows.all(manager)) {
        await manager.query("INSERT INTO records (scope, id, body) VALUES ($1, $2, $3)", [
          scope,
          tenantRecordId(tenant.externalId),
          Buffer.from(makeTenantRecord(tenant, scope, dataKey)),
        ]);
      }
    });
  }

  withScope<T>(scope: string, work: (moment: ScopeMoment) => Promise<T>): Promise<T> {
    return this.#dataSource.transaction(async (manager) => {
      await manager.query("SELECT pg_advisory_xact_lock(hashtextextended($1, 1))", [scope]);
      // One statement, so the generation and the records are of one moment; others go on writing.
      const rows: { generation: string }[] = await manager.query(
        "SELECT generation FROM scopes WHERE scope = $1 FOR SHARE",
        [scope],
      );
      const row = rows[0];
      if (row === undefined) throw new Error(`scope ${scope} is not known`);
      return work(new Moment(manager, scope, BigInt(row.generation)));
    });
  }

  async chunk(sha256: Uint8Array): Promise<Buffer | undefined> {
    const rows: { bytes: Buffer }[] = await this.#dataSource.query(
      "SELECT bytes FROM chunks WHERE sha256 = $1",
      [Buffer.from(sha256)],
    );
    return rows[0]?.bytes;
  }

  async dataKeys(scope: string): Promise<readonly DataKey[]> {
    const rows: { data_key_id: string; data_key_encrypted: Buffer }[] = await this.#dataSource.query(
      "SELECT data_key_id, data_key_encrypted FROM scopes WHERE scope = $1",
      [scope],
    );
    return rows.map((row) => ({ id: row.data_key_id, key: this.#vault.open(row.data_key_encrypted) }));
  }

  async listen(onGeneration: () => void): Promise<{ stop(): Promise<void> }> {
    let stopped = false;
    let client: pg.Client | undefined;
    const backoff = new Backoff({ firstMs: 100, longestMs: 5000 });
    const connect = async (): Promise<void> => {
      if (stopped) return;
      const next = new pg.Client({
        connectionString: this.#url,
        application_name: "sluice_listen",
        keepAlive: true,
      });
      client = next;
      const again = (): void => {
        if (client !== next || stopped) return;
        client = undefined;
        this.#clock.schedule(backoff.nextDelayMs(), () => void connect());
      };
      next.on("error", (error) => {
        this.#logger.warn("listening for generations was interrupted", { error });
        again();
      });
      next.on("end", again);
      next.on("notification", onGeneration);
      try {
        await next.connect();
        await next.query(`LISTEN ${GENERATION_CHANNEL}`);
        backoff.reset();
        onGeneration();
      } catch (error) {
        this.#logger.warn("cannot listen for generations", { error });
        again();
      }
    };
    const poll = (): void => {
      if (stopped) return;
      onGeneration();
      this.#clock.schedule(POLL_MS, poll);
    };
    await connect();
    this.#clock.schedule(POLL_MS, poll);
    return {
      stop: async () => {
        stopped = true;
        await client?.end().catch(() => undefined);
      },
    };
  }
}

class Moment implements ScopeMoment {
  readonly generation: bigint;
  readonly #manager: EntityManager;
  readonly #scope: string;

  constructor(manager: EntityManager, scope: string, generation: bigint) {
    this.#manager = manager;
    this.#scope = scope;
    this.generation = generation;
  }

  records(): Promise<readonly StoredRecord[]> {
    return this.#manager.query("SELECT id, body FROM records WHERE scope = $1 ORDER BY id", [this.#scope]);
  }

  async state(epoch: bigint, generation: bigint): Promise<PublishedState | undefined> {
    const rows: StateRow[] = await this.#manager.query(
      "SELECT epoch, generation, state_root, chunk_hashes FROM published_states WHERE scope = $1 AND epoch = $2 AND generation = $3",
      [this.#scope, String(epoch), String(generation)],
    );
    const row = rows[0];
    if (row === undefined) return undefined;
    return {
      epoch: BigInt(row.epoch),
      generation: BigInt(row.generation),
      stateRoot: row.state_root,
      chunkHashes: row.chunk_hashes,
    };
  }

  async saveState(snapshot: NewSnapshot): Promise<void> {
    for (const { sha256, bytes } of snapshot.chunks) {
      await this.#manager.query("INSERT INTO chunks (sha256, bytes) VALUES ($1, $2) ON CONFLICT DO NOTHING", [
        Buffer.from(sha256),
        Buffer.from(bytes),
      ]);
    }
    await this.#manager.query(
      "INSERT INTO published_states (scope, epoch, generation, state_root, record_ids, chunk_hashes) VALUES ($1, $2, $3, $4, $5, $6)",
      [
        this.#scope,
        String(snapshot.epoch),
        String(snapshot.generation),
        snapshot.stateRoot,
        snapshot.recordIds,
        snapshot.chunkHashes,
      ],
    );
    await this.#prune();
  }

  async envelope(
    epoch: bigint,
    generation: bigint,
    replaces: bigint | undefined,
  ): Promise<Buffer | undefined> {
    const rows: { envelope: Buffer }[] = await this.#manager.query(
      "SELECT envelope FROM snapshots WHERE scope = $1 AND epoch = $2 AND generation = $3 AND replaces = $4",
      [this.#scope, String(epoch), String(generation), String(replaces ?? 0n)],
    );
    return rows[0]?.envelope;
  }

  async saveEnvelope(
    epoch: bigint,
    generation: bigint,
    replaces: bigint | undefined,
    envelope: Uint8Array,
  ): Promise<void> {
    await this.#manager.query(
      "INSERT INTO snapshots (scope, epoch, generation, replaces, envelope) VALUES ($1, $2, $3, $4, $5)",
      [this.#scope, String(epoch), String(generation), String(replaces ?? 0n), Buffer.from(envelope)],
    );
  }

  async removalsExplained(state: PublishedState): Promise<boolean> {
    const rows: { explained: boolean | null }[] = await this.#manager.query(
      `SELECT record_ids IS NOT NULL AND NOT EXISTS (
         SELECT FROM unnest(record_ids) AS held(id)
         WHERE NOT EXISTS (SELECT FROM records WHERE records.scope = $1 AND records.id = held.id)
           AND NOT EXISTS (
             SELECT FROM removals WHERE 'tenant/' || removals.external_id = held.id AND removals.generation > $3)
       ) AS explained FROM published_states WHERE scope = $1 AND epoch = $2 AND generation = $3`,
      [this.#scope, String(state.epoch), String(state.generation)],
    );
    return rows[0]?.explained === true;
  }

  /** Old envelopes and chunks that no kept state names. The states themselves stay: they are the history. */
  async #prune(): Promise<void> {
    await this.#manager.query(
      `DELETE FROM snapshots WHERE scope = $1 AND (epoch, generation) NOT IN
        (SELECT epoch, generation FROM published_states WHERE scope = $1 ORDER BY epoch DESC, generation DESC LIMIT $2)`,
      [this.#scope, KEPT_GENERATIONS],
    );
    await this.#manager.query(
      `UPDATE published_states SET record_ids = NULL WHERE scope = $1 AND record_ids IS NOT NULL AND generation NOT IN
        (SELECT generation FROM published_states WHERE scope = $1 ORDER BY epoch DESC, generation DESC LIMIT $2)`,
      [this.#scope, GENERATIONS_WITH_IDS],
    );
    await this.#manager.query(
      `DELETE FROM chunks WHERE sha256 NOT IN (
        SELECT unnest(chunk_hashes) FROM (
          SELECT chunk_hashes, row_number() OVER (PARTITION BY scope ORDER BY epoch DESC, generation DESC) AS age
          FROM published_states) AS kept WHERE age <= $1)`,
      [KEPT_GENERATIONS],
    );
  }
}
