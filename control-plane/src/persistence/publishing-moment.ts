import type { Clock } from "@sluice/shared/time";
import type { EntityManager } from "typeorm";
import type {
  Incarnations,
  NewManifest,
  PublishedState,
  PublishingMoment,
  RemovedRecord,
  ScopeChanges,
  ScopeContents,
  SnapshotBase,
  StoredDelta,
  StoredRecord,
} from "../publishing/index.js";
import { PublishedRows } from "./published-rows.js";

/** States whose chunks are kept: the newest, and the one that somebody may be in the middle of receiving. */
const KEPT_BASES = 2;
/** How far back a data plane that returns is brought up by deltas. */
const KEPT_DELTAS = 1000;
const KEPT_DELTA_BYTES = 32 * 1024 * 1024;
const RECORDS_A_PAGE = 1000;

interface RecordRow {
  readonly scope_generation: string;
  readonly id: string | null;
  readonly body: Buffer | null;
  readonly generation: string | null;
}

/** One scope under the publisher's lock, inside one transaction. */
export class StoredPublishingMoment extends PublishedRows implements PublishingMoment {
  readonly #manager: EntityManager;
  readonly #scope: string;
  readonly #clock: Clock;

  constructor(manager: EntityManager, scope: string, clock: Clock) {
    super(manager, scope);
    this.#manager = manager;
    this.#scope = scope;
    this.#clock = clock;
  }

  async changes(since: bigint): Promise<ScopeChanges> {
    // One statement sees one moment: the generation and exactly its records, while tenants go on being written.
    const rows: (RecordRow & { is_removed: boolean })[] = await this.#manager.query(
      `WITH s AS (SELECT scope, generation FROM sluice.scopes WHERE scope = $1)
       SELECT s.generation AS scope_generation, r.id, r.body, r.generation, false AS is_removed
       FROM s LEFT JOIN sluice.records r ON r.scope = s.scope AND r.generation > $2
       UNION ALL
       SELECT s.generation, m.id, NULL, m.generation, true
       FROM s JOIN sluice.removals m ON m.scope = s.scope AND m.generation > $2`,
      [this.#scope, String(since)],
    );
    const written: StoredRecord[] = [];
    const removed: RemovedRecord[] = [];
    for (const { id, body, generation, is_removed } of rows) {
      if (id === null || generation === null) continue;
      if (is_removed) removed.push({ id, generation: BigInt(generation) });
      else if (body !== null) written.push({ id, body, generation: BigInt(generation) });
    }
    return { generation: BigInt(rows[0]?.scope_generation ?? since), written, removed };
  }

  async contents(): Promise<ScopeContents> {
    const manager = this.#manager;
    // A cursor sees the moment at which it was declared, however long it is read.
    await manager.query("CLOSE ALL");
    await manager.query(
      `DECLARE contents NO SCROLL CURSOR FOR
       SELECT s.generation AS scope_generation, r.id, r.body, r.generation
       FROM sluice.scopes s LEFT JOIN sluice.records r ON r.scope = s.scope
       WHERE s.scope = '${this.#scope.replaceAll("'", "''")}' ORDER BY r.id`,
    );
    const fetch = (): Promise<RecordRow[]> => manager.query(`FETCH ${RECORDS_A_PAGE} FROM contents`);
    let page = await fetch();
    return {
      generation: BigInt(page[0]?.scope_generation ?? 0),
      async *pages() {
        while (page.length > 0) {
          yield page.flatMap(({ id, body, generation }) =>
            id === null || body === null || generation === null
              ? []
              : [{ id, body, generation: BigInt(generation) }],
          );
          page = await fetch();
        }
      },
    };
  }

  async removed(after: bigint, upTo: bigint): Promise<readonly RemovedRecord[]> {
    const rows: { id: string; generation: string }[] = await this.#manager.query(
      "SELECT id, generation FROM sluice.removals WHERE scope = $1 AND generation > $2 AND generation <= $3",
      [this.#scope, String(after), String(upTo)],
    );
    return rows.map(({ id, generation }) => ({ id, generation: BigInt(generation) }));
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

  async saveState(state: PublishedState): Promise<void> {
    await this.#manager.query(
      `INSERT INTO sluice.published_states (scope, epoch, generation, state_root, record_count, published_at)
       VALUES ($1, $2, $3, $4, $5, $6)`,
      [
        this.#scope,
        String(state.epoch),
        String(state.generation),
        Buffer.from(state.stateRoot),
        state.recordCount,
        new Date(this.#clock.now()),
      ],
    );
  }

  async saveDelta({ from, to, envelope }: StoredDelta, keyId: string): Promise<void> {
    await this.#manager.query(
      `INSERT INTO sluice.deltas (scope, epoch, generation, from_generation, key_id, envelope)
       VALUES ($1, $2, $3, $4, $5, $6)`,
      [this.#scope, String(to.epoch), String(to.generation), String(from), keyId, Buffer.from(envelope)],
    );
  }

  async saveChunk({ sha256, bytes }: { sha256: Uint8Array; bytes: Uint8Array }): Promise<void> {
    await this.#manager.query(
      "INSERT INTO sluice.chunks (scope, sha256, bytes) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING",
      [this.#scope, Buffer.from(sha256), Buffer.from(bytes)],
    );
  }

  async saveBase({ state, chunks }: SnapshotBase): Promise<void> {
    await this.#manager.query(
      `UPDATE sluice.published_states SET chunk_hashes = $4 WHERE scope = $1 AND epoch = $2 AND generation = $3`,
      [
        this.#scope,
        String(state.epoch),
        String(state.generation),
        chunks.map(({ sha256 }) => Buffer.from(sha256)),
      ],
    );
  }

  async saveManifest({ state, replaced, keyId, allowsMassRemoval, envelope }: NewManifest): Promise<void> {
    await this.#manager.query(
      `INSERT INTO sluice.snapshots
         (scope, epoch, generation, replaces_epoch, replaces, key_id, mass_removal, envelope)
       VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
       ON CONFLICT (scope, epoch, generation, replaces_epoch, replaces) DO UPDATE
       SET key_id = excluded.key_id, mass_removal = excluded.mass_removal, envelope = excluded.envelope`,
      [
        this.#scope,
        String(state.epoch),
        String(state.generation),
        String(replaced?.epoch ?? 0n),
        String(replaced?.generation ?? 0n),
        keyId,
        allowsMassRemoval,
        Buffer.from(envelope),
      ],
    );
  }

  /** The states themselves stay: they are the history. */
  async prune(): Promise<void> {
    await this.#manager.query(
      `DELETE FROM sluice.deltas WHERE scope = $1 AND (epoch, generation) IN (
         SELECT epoch, generation FROM (
           SELECT epoch, generation, row_number() OVER newest AS place,
             sum(octet_length(envelope)) OVER newest AS bytes
           FROM sluice.deltas WHERE scope = $1
           WINDOW newest AS (ORDER BY epoch DESC, generation DESC)) kept
         WHERE place > ${KEPT_DELTAS} OR bytes > ${KEPT_DELTA_BYTES})`,
      [this.#scope],
    );
    await this.#manager.query(
      `WITH old AS (
         UPDATE sluice.published_states SET chunk_hashes = NULL
         WHERE scope = $1 AND chunk_hashes IS NOT NULL AND (epoch, generation) NOT IN (
           SELECT epoch, generation FROM sluice.published_states
           WHERE scope = $1 AND chunk_hashes IS NOT NULL ORDER BY epoch DESC, generation DESC LIMIT ${KEPT_BASES})
         RETURNING epoch, generation)
       DELETE FROM sluice.snapshots s USING old
       WHERE s.scope = $1 AND s.epoch = old.epoch AND s.generation = old.generation`,
      [this.#scope],
    );
    await this.#manager.query(
      `DELETE FROM sluice.chunks WHERE scope = $1 AND NOT (sha256 = ANY (ARRAY(
         SELECT unnest(chunk_hashes) FROM sluice.published_states
         WHERE scope = $1 AND chunk_hashes IS NOT NULL)))`,
      [this.#scope],
    );
  }
}
