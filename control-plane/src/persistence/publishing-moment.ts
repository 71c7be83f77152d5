import type { Clock } from "@sluice/shared/time";
import type { EntityManager } from "typeorm";
import type {
  Incarnations,
  NewChunk,
  PublishedState,
  PublishingMoment,
  ScopeContents,
  StoredRecord,
} from "../publishing/index.js";
import { publishedStateOf, readEnvelope, readState, type StateRow } from "./published-rows.js";

/** States whose chunks and envelopes are kept: those that somebody may be in the middle of receiving. */
const KEPT_STATES = 20;

/** One scope under the publisher's lock, inside one transaction. */
export class StoredPublishingMoment implements PublishingMoment {
  readonly #manager: EntityManager;
  readonly #scope: string;
  readonly #clock: Clock;

  constructor(manager: EntityManager, scope: string, clock: Clock) {
    this.#manager = manager;
    this.#scope = scope;
    this.#clock = clock;
  }

  async contents(): Promise<ScopeContents | undefined> {
    // One statement sees one moment: the generation and exactly its records, while tenants go on being written.
    const rows: { generation: string; id: string | null; body: Buffer | null }[] = await this.#manager.query(
      `SELECT s.generation, r.id, r.body
       FROM sluice.scopes s LEFT JOIN sluice.records r ON r.scope = s.scope
       WHERE s.scope = $1 ORDER BY r.id`,
      [this.#scope],
    );
    const first = rows[0];
    if (first === undefined) return undefined;
    const records: StoredRecord[] = [];
    for (const { id, body } of rows) if (id !== null && body !== null) records.push({ id, body });
    return { generation: BigInt(first.generation), records };
  }

  async newest(epoch: bigint): Promise<PublishedState | undefined> {
    const rows: StateRow[] = await this.#manager.query(
      `SELECT * FROM sluice.published_states WHERE scope = $1 AND epoch = $2 ORDER BY generation DESC LIMIT 1`,
      [this.#scope, String(epoch)],
    );
    return rows[0] === undefined ? undefined : publishedStateOf(rows[0]);
  }

  state(epoch: bigint, generation: bigint): Promise<PublishedState | undefined> {
    return readState(this.#manager, this.#scope, epoch, generation);
  }

  async saveState(state: PublishedState, chunks: readonly NewChunk[]): Promise<void> {
    for (const { sha256, bytes } of chunks) {
      await this.#manager.query(
        "INSERT INTO sluice.chunks (scope, sha256, bytes) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING",
        [this.#scope, Buffer.from(sha256), Buffer.from(bytes)],
      );
    }
    await this.#manager.query(
      `INSERT INTO sluice.published_states
         (scope, epoch, generation, state_root, record_count, chunk_hashes, published_at)
       VALUES ($1, $2, $3, $4, $5, $6, $7)`,
      [
        this.#scope,
        String(state.epoch),
        String(state.generation),
        Buffer.from(state.stateRoot),
        state.recordCount,
        state.chunkHashes.map((hash) => Buffer.from(hash)),
        new Date(this.#clock.now()),
      ],
    );
    await this.#prune();
  }

  envelope(state: PublishedState, replaces: bigint): Promise<Buffer | undefined> {
    return readEnvelope(this.#manager, state, replaces);
  }

  async saveEnvelope(state: PublishedState, replaces: bigint, envelope: Uint8Array): Promise<void> {
    await this.#manager.query(
      `INSERT INTO sluice.snapshots (scope, epoch, generation, replaces, envelope) VALUES ($1, $2, $3, $4, $5)`,
      [this.#scope, String(state.epoch), String(state.generation), String(replaces), Buffer.from(envelope)],
    );
  }

  async chunkLengths(state: PublishedState): Promise<ReadonlyMap<string, number>> {
    const rows: { sha256: Buffer; length: number }[] = await this.#manager.query(
      `SELECT sha256, length(bytes) AS length FROM sluice.chunks WHERE scope = $1 AND sha256 = ANY ($2)`,
      [this.#scope, state.chunkHashes.map((hash) => Buffer.from(hash))],
    );
    return new Map(rows.map(({ sha256, length }) => [sha256.toString("hex"), length]));
  }

  async incarnations(from: bigint, to: bigint): Promise<Incarnations> {
    const rows: { removed: string; created: string }[] = await this.#manager.query(
      `SELECT
         (SELECT count(*) FROM sluice.removals
          WHERE scope = $1 AND created_generation <= $2 AND generation > $2 AND generation <= $3) AS removed,
         (SELECT count(*) FROM sluice.records
          WHERE scope = $1 AND created_generation > $2 AND created_generation <= $3)
         + (SELECT count(*) FROM sluice.removals
            WHERE scope = $1 AND created_generation > $2 AND created_generation <= $3 AND generation > $3) AS created`,
      [this.#scope, String(from), String(to)],
    );
    return { removed: Number(rows[0]?.removed ?? 0), created: Number(rows[0]?.created ?? 0) };
  }

  /** The states themselves stay: they are the history. */
  async #prune(): Promise<void> {
    await this.#manager.query(
      `WITH old AS (
         UPDATE sluice.published_states SET chunk_hashes = NULL
         WHERE scope = $1 AND chunk_hashes IS NOT NULL AND (epoch, generation) NOT IN (
           SELECT epoch, generation FROM sluice.published_states
           WHERE scope = $1 ORDER BY epoch DESC, generation DESC LIMIT $2)
         RETURNING epoch, generation)
       DELETE FROM sluice.snapshots s USING old
       WHERE s.scope = $1 AND s.epoch = old.epoch AND s.generation = old.generation`,
      [this.#scope, KEPT_STATES],
    );
    await this.#manager.query(
      `DELETE FROM sluice.chunks WHERE scope = $1 AND NOT (sha256 = ANY (ARRAY(
         SELECT unnest(chunk_hashes) FROM sluice.published_states
         WHERE scope = $1 AND chunk_hashes IS NOT NULL)))`,
      [this.#scope],
    );
  }
}
