import type { EntityManager } from "typeorm";
import type {
  AheadReport,
  ManifestKey,
  PublishedState,
  ScopeReader,
  ScopeStanding,
  SnapshotBase,
  StoredDelta,
} from "../publishing/index.js";

interface StateRow {
  readonly scope: string;
  readonly epoch: string;
  readonly generation: string;
  readonly state_root: Buffer;
  readonly record_count: number;
}

interface AheadRow {
  readonly ahead_epoch: string | null;
  readonly ahead_generation: string | null;
  readonly ahead_root: Buffer | null;
  readonly ahead_reporter: string | null;
  readonly ahead_at: Date | null;
}

interface StandingRow extends Partial<StateRow>, AheadRow {
  readonly scope_generation: string;
  readonly mass_removal_until: Date | null;
  readonly traceparent: string | null;
}

const STATE_COLUMNS = "p.scope, p.epoch, p.generation, p.state_root, p.record_count";
const MOST_DELTAS = 100;
const MOST_DELTA_BYTES = 1024 * 1024;

function publishedStateOf(row: StateRow): PublishedState {
  return {
    scope: row.scope,
    epoch: BigInt(row.epoch),
    generation: BigInt(row.generation),
    stateRoot: row.state_root,
    recordCount: row.record_count,
  };
}

/** What was published of one scope, read through a connection, or a transaction, of its own. */
export class PublishedRows implements ScopeReader {
  readonly #manager: EntityManager;
  readonly #scope: string;

  constructor(manager: EntityManager, scope: string) {
    this.#manager = manager;
    this.#scope = scope;
  }

  async standing(epoch: bigint): Promise<ScopeStanding | undefined> {
    const [row]: StandingRow[] = await this.#manager.query(
      `SELECT s.generation AS scope_generation, s.ahead_epoch, s.ahead_generation, s.ahead_root, s.ahead_reporter,
         s.ahead_at, s.mass_removal_until, g.traceparent, ${STATE_COLUMNS}
       FROM sluice.scopes s LEFT JOIN sluice.generations g ON g.generation = s.generation LEFT JOIN LATERAL (
         SELECT * FROM sluice.published_states
         WHERE scope = s.scope AND epoch = $2 ORDER BY generation DESC LIMIT 1) p ON true
       WHERE s.scope = $1`,
      [this.#scope, String(epoch)],
    );
    if (row === undefined) return undefined;
    const ahead = aheadOf(row);
    return {
      generation: BigInt(row.scope_generation),
      newest: typeof row.epoch === "string" ? publishedStateOf(row as StateRow) : undefined,
      ahead: ahead !== undefined && ahead.held.epoch >= epoch ? ahead : undefined,
      massRemovalUntilMs: row.mass_removal_until?.getTime() ?? 0,
      traceparent: row.traceparent,
    };
  }

  async state(epoch: bigint, generation: bigint): Promise<PublishedState | undefined> {
    const [row]: StateRow[] = await this.#manager.query(
      `SELECT ${STATE_COLUMNS} FROM sluice.published_states p WHERE scope = $1 AND epoch = $2 AND generation = $3`,
      [this.#scope, String(epoch), String(generation)],
    );
    return row === undefined ? undefined : publishedStateOf(row);
  }

  async base(epoch: bigint): Promise<SnapshotBase | undefined> {
    const rows: (StateRow & { sha256: Buffer | null; length: number | null })[] = await this.#manager.query(
      `SELECT ${STATE_COLUMNS}, named.sha256, octet_length(c.bytes) AS length
       FROM (SELECT * FROM sluice.published_states
             WHERE scope = $1 AND epoch = $2 AND chunk_hashes IS NOT NULL ORDER BY generation DESC LIMIT 1) p
       LEFT JOIN LATERAL unnest(p.chunk_hashes) WITH ORDINALITY AS named (sha256, place) ON true
       LEFT JOIN sluice.chunks c ON c.scope = p.scope AND c.sha256 = named.sha256
       ORDER BY named.place`,
      [this.#scope, String(epoch)],
    );
    const [first] = rows;
    if (first === undefined) return undefined;
    // A state without records has no chunks.
    const named = rows.filter(({ sha256 }) => sha256 !== null);
    const chunks = named.flatMap(({ sha256, length }) =>
      sha256 === null || length === null ? [] : [{ sha256, length }],
    );
    return chunks.length === named.length ? { state: publishedStateOf(first), chunks } : undefined;
  }

  async deltas(epoch: bigint, from: bigint, keyIds: readonly string[]): Promise<readonly StoredDelta[]> {
    const rows: (StateRow & { from_generation: string; key_id: string; envelope: Buffer })[] =
      await this.#manager.query(
        `SELECT ${STATE_COLUMNS}, d.from_generation, d.key_id, d.envelope
         FROM (SELECT *, sum(octet_length(envelope)) OVER (ORDER BY generation) - octet_length(envelope) AS before
               FROM (SELECT * FROM sluice.deltas WHERE scope = $1 AND epoch = $2 AND generation > $3
                     ORDER BY generation LIMIT ${MOST_DELTAS}) first) d
         JOIN sluice.published_states p USING (scope, epoch, generation)
         WHERE d.before < ${MOST_DELTA_BYTES} ORDER BY d.generation`,
        [this.#scope, String(epoch), String(from)],
      );
    const deltas: StoredDelta[] = [];
    let at = from;
    for (const row of rows) {
      // Where one is missing, or is signed by a key that is good no more, only a snapshot leads on.
      if (BigInt(row.from_generation) !== at || !keyIds.includes(row.key_id)) break;
      const to = publishedStateOf(row);
      deltas.push({ from: at, to, envelope: row.envelope });
      at = to.generation;
    }
    return deltas;
  }

  async manifest(
    { state, replaced }: ManifestKey,
    keyIds: readonly string[],
    allowsMassRemoval: boolean,
  ): Promise<Buffer | undefined> {
    const [row]: { envelope: Buffer }[] = await this.#manager.query(
      `SELECT envelope FROM sluice.snapshots
       WHERE scope = $1 AND epoch = $2 AND generation = $3 AND replaces_epoch = $4 AND replaces = $5
         AND key_id = ANY ($6) AND (mass_removal OR NOT $7)`,
      [
        this.#scope,
        String(state.epoch),
        String(state.generation),
        String(replaced?.epoch ?? 0n),
        String(replaced?.generation ?? 0n),
        keyIds,
        allowsMassRemoval,
      ],
    );
    return row?.envelope;
  }
}

function aheadOf(row: AheadRow): AheadReport | undefined {
  const { ahead_epoch, ahead_generation, ahead_root, ahead_reporter, ahead_at } = row;
  if (ahead_epoch === null || ahead_generation === null || ahead_root === null) return undefined;
  return {
    held: { epoch: BigInt(ahead_epoch), generation: BigInt(ahead_generation), stateRoot: ahead_root },
    reporter: ahead_reporter ?? "",
    atMs: ahead_at?.getTime() ?? 0,
  };
}

/** The scopes in which a data plane has reported what the history does not know, whatever the epoch is now. */
export async function readAheadScopes(
  manager: EntityManager,
): Promise<readonly { readonly scope: string; readonly report: AheadReport }[]> {
  const rows: (AheadRow & { scope: string })[] = await manager.query(
    `SELECT scope, ahead_epoch, ahead_generation, ahead_root, ahead_reporter, ahead_at
     FROM sluice.scopes WHERE ahead_epoch IS NOT NULL ORDER BY scope`,
  );
  return rows.flatMap((row) => {
    const report = aheadOf(row);
    return report === undefined ? [] : [{ scope: row.scope, report }];
  });
}
