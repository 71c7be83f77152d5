import { scopeOfRegion } from "@sluice/shared/bundle";
import { makeDataKey } from "@sluice/shared/secrets";
import type { Clock } from "@sluice/shared/time";
import type { DataSource, EntityManager } from "typeorm";
import type { Actor } from "../audit/index.js";
import {
  type FleetNotes,
  type FleetStore,
  type GenerationProgress,
  holdsGeneration,
  type InstanceFilter,
  type InstanceName,
  keyFingerprint,
  type ListedInstance,
  nameOf,
  type OrderProgress,
  type ReportedNetworkBan,
  type ReportPart,
  type SettledAck,
  type StoredReportPart,
} from "../fleet/index.js";
import type { Held } from "../publishing/index.js";
import { type InstanceRow, instanceOf, statusJson, WRITE_STATUSES } from "./instance-rows.js";
import { orNotesRefused } from "./refused-data.js";
import { replaceDataKey } from "./scope-keys.js";
import { markScopes, takeGeneration } from "./scope-rows.js";
import { orUnavailable } from "./store-unavailable.js";
import { appendAudit } from "./stored-audit.js";
import { TenantRows } from "./tenant-rows.js";
import type { Vault } from "./vault.js";

/** Generations whose acks are kept; older ones are acked by whoever holds a newer one. */
const KEPT_GENERATIONS = 1000;

/** What a data plane answers to was sent to it: the history of its scope, which is never pruned, has exactly this. */
const IS_PUBLISHED = `EXISTS (
  SELECT FROM sluice.published_states p
  WHERE p.scope = n.scope AND p.epoch = n.epoch AND p.generation = n.generation AND p.state_root = decode(n.root, 'hex'))`;

interface ListedRow extends InstanceRow {
  readonly scope_generation: string | null;
  readonly behind_since: Date | null;
}

interface AckRow {
  readonly generation: string;
  readonly group_name: string;
  readonly instance: string;
  readonly nack_code: string | null;
  readonly committed_at: Date;
  readonly ms: number;
  readonly traceparent: string | null;
}

/** What replicas know of the fleet, in Postgres. */
export class StoredFleet implements FleetStore {
  readonly #dataSource: DataSource;
  readonly #vault: Vault;
  readonly #rows: TenantRows;
  readonly #clock: Clock;

  constructor(dataSource: DataSource, vault: Vault, clock: Clock) {
    this.#dataSource = dataSource;
    this.#vault = vault;
    this.#rows = new TenantRows(vault);
    this.#clock = clock;
  }

  write({ controlPlane, statuses, acks, results }: FleetNotes): Promise<readonly SettledAck[]> {
    const written = this.#dataSource.transaction(async (manager) => {
      if (statuses.length > 0) {
        await manager.query(WRITE_STATUSES, [controlPlane, JSON.stringify(statuses.map(statusJson))]);
      }
      if (results.length > 0) await this.#writeResults(manager, results);
      return acks.length === 0 ? [] : this.#writeAcks(manager, acks);
    });
    return orNotesRefused(orUnavailable(written));
  }

  /** Of orders to tenants that are there: nobody asks for others. */
  async #writeResults(manager: EntityManager, results: FleetNotes["results"]): Promise<void> {
    const notes = lastOfEach(
      results,
      ({ tenant, held, ...name }) => `${tenant}/${held.generation}/${nameOf(name)}`,
    );
    await manager.query(
      `INSERT INTO sluice.order_results (tenant, generation, group_name, instance, counts)
       SELECT n.tenant, n.generation, n.group_name, n.instance, n.counts FROM jsonb_to_recordset($1::jsonb)
         AS n (tenant text, scope text, epoch bigint, generation bigint, root text, group_name text, instance text, counts jsonb)
       JOIN sluice.instances USING (group_name, instance)
       JOIN sluice.tenants ON external_id = tenant
       WHERE ${IS_PUBLISHED}
       ON CONFLICT (tenant, generation, group_name, instance) DO UPDATE SET counts = excluded.counts`,
      [
        JSON.stringify(
          notes.map(({ group, instance, scope, tenant, held, counts }) => ({
            ...stateJson(scope, held),
            group_name: group,
            instance,
            tenant,
            counts,
          })),
        ),
      ],
    );
  }

  async #writeAcks(manager: EntityManager, acks: FleetNotes["acks"]): Promise<readonly SettledAck[]> {
    const notes = lastOfEach(acks, ({ held, ...name }) => `${held.generation}/${nameOf(name)}`);
    const rows: AckRow[] = await manager.query(
      `WITH noted AS (
         INSERT INTO sluice.acks AS a (generation, group_name, instance, epoch, nack_code, at)
         SELECT n.generation, n.group_name, n.instance, n.epoch, n.nack_code,
                clock_timestamp() - n.age_ms * interval '1 ms'
         FROM jsonb_to_recordset($1::jsonb)
           AS n (scope text, epoch bigint, generation bigint, root text, group_name text, instance text, nack_code text,
             age_ms integer)
         JOIN sluice.instances USING (group_name, instance)
         WHERE ${IS_PUBLISHED}
         ON CONFLICT (generation, group_name, instance)
           DO UPDATE SET nack_code = excluded.nack_code, at = excluded.at, epoch = excluded.epoch
           -- The first ack counts; a nack is replaced by what came of it.
           WHERE a.nack_code IS NOT NULL OR a.epoch <> excluded.epoch
         RETURNING generation, group_name, instance, nack_code, at)
       SELECT noted.*, g.committed_at, g.traceparent,
         greatest(0, extract(epoch FROM noted.at - g.committed_at) * 1000)::float8 AS ms
       FROM noted JOIN sluice.generations g USING (generation)`,
      [
        JSON.stringify(
          notes.map(({ group, instance, scope, held, nackCode, ageMs }) => ({
            ...stateJson(scope, held),
            group_name: group,
            instance,
            nack_code: nackCode,
            age_ms: ageMs,
          })),
        ),
      ],
    );
    return rows.map((row) => ({
      group: row.group_name,
      instance: row.instance,
      generation: BigInt(row.generation),
      nackCode: row.nack_code,
      committedAt: row.committed_at,
      commitToAckMs: row.ms,
      traceparent: row.traceparent,
    }));
  }

  async touch(controlPlane: string, at: Date): Promise<void> {
    await orUnavailable(
      this.#dataSource.query(
        "UPDATE sluice.instances SET last_seen_at = $2 WHERE control_plane = $1 AND connected_since IS NOT NULL",
        [controlPlane, at],
      ),
    );
  }

  async saveReport(
    { group, instance }: InstanceName,
    parts: readonly ReportPart[],
    kept: readonly number[],
    bans: readonly ReportedNetworkBan[],
    at: Date,
  ): Promise<void> {
    const saved = this.#dataSource.transaction(async (manager) => {
      // Also against a revocation, or forgetting, in the same moment.
      const known: unknown[] = await manager.query(
        `SELECT 1 FROM sluice.instances WHERE group_name = $1 AND instance = $2 AND revoked_at IS NULL FOR SHARE`,
        [group, instance],
      );
      if (known.length === 0) return;
      const buckets = parts.map(({ bucket }) => bucket);
      await manager.query(
        "DELETE FROM sluice.reports WHERE group_name = $1 AND instance = $2 AND bucket <> ALL ($3::smallint[])",
        [group, instance, [...buckets, ...kept]],
      );
      await manager.query(
        `INSERT INTO sluice.reports (bucket, group_name, instance, bytes)
         SELECT bucket, $1, $2, bytes FROM unnest($3::smallint[], $4::bytea[]) AS made (bucket, bytes)
         ON CONFLICT (bucket, group_name, instance) DO UPDATE SET bytes = excluded.bytes`,
        [group, instance, buckets, parts.map(({ bytes }) => Buffer.from(bytes))],
      );
      await manager.query("DELETE FROM sluice.network_bans WHERE group_name = $1 AND instance = $2", [
        group,
        instance,
      ]);
      await manager.query(
        `INSERT INTO sluice.network_bans (tenant, address, group_name, instance, until)
         SELECT tenant, address, $1, $2, $6::timestamptz + remaining * interval '1 ms'
         FROM unnest($3::text[], $4::text[], $5::float8[]) AS told (tenant, address, remaining)
         ON CONFLICT DO NOTHING`,
        [
          group,
          instance,
          bans.map(({ tenant }) => tenant),
          bans.map(({ address }) => address),
          bans.map(({ remainingMs }) => remainingMs),
          at,
        ],
      );
    });
    await orUnavailable(saved);
  }

  async list(
    { region, group }: InstanceFilter,
    after: InstanceName | undefined,
    limit: number,
    epoch: bigint,
  ): Promise<readonly ListedInstance[]> {
    const rows: ListedRow[] = await orUnavailable(
      this.#dataSource.query(
        `SELECT i.*, s.generation AS scope_generation, b.behind_since
         FROM sluice.instances i LEFT JOIN sluice.scopes s USING (scope)
         LEFT JOIN LATERAL (
           SELECT min(g.committed_at) AS behind_since FROM sluice.generations g
           WHERE coalesce(i.held_generation, 0) < s.generation AND g.generation > coalesce(i.held_generation, 0)
             AND i.scope = ANY (g.scopes)) b ON true
         WHERE ($1::text IS NULL OR i.region = $1) AND ($2::text IS NULL OR i.group_name = $2)
           AND ($3::text IS NULL OR (i.group_name, i.instance) > ($3, $4))
         ORDER BY i.group_name, i.instance LIMIT $5`,
        [region ?? null, group ?? null, after?.group ?? null, after?.instance ?? null, limit],
      ),
    );
    return rows.map((row) => listedOf(row, epoch));
  }

  async find({ group, instance }: InstanceName, epoch: bigint): Promise<ListedInstance | undefined> {
    const rows: ListedRow[] = await orUnavailable(
      this.#dataSource.query(
        `SELECT i.*, s.generation AS scope_generation, NULL::timestamptz AS behind_since
         FROM sluice.instances i LEFT JOIN sluice.scopes s USING (scope)
         WHERE i.group_name = $1 AND i.instance = $2`,
        [group, instance],
      ),
    );
    return rows[0] === undefined ? undefined : listedOf(rows[0], epoch);
  }

  async generation(generation: bigint, epoch: bigint): Promise<GenerationProgress | undefined> {
    const known: { newest: string; committed_at: Date | null; scopes: string[] | null }[] =
      await orUnavailable(
        this.#dataSource.query(
          `SELECT f.generation AS newest, g.committed_at, g.scopes
         FROM sluice.fleet f LEFT JOIN sluice.generations g ON g.generation = $1`,
          [String(generation)],
        ),
      );
    const [row] = known;
    if (row === undefined || BigInt(row.newest) < generation) return undefined;
    const { committed_at: committedAt, scopes } = row;
    // Of one that is long gone every scope may have been touched.
    const rows: (InstanceRow & { nack_code: string | null; acked_at: Date | null; ms: number | null })[] =
      await orUnavailable(
        this.#dataSource.query(
          `SELECT i.*, n.nack_code, a.at AS acked_at,
             greatest(0, extract(epoch FROM a.at - $3::timestamptz) * 1000)::float8 AS ms
           FROM sluice.instances i
           LEFT JOIN LATERAL (
             SELECT at FROM sluice.acks a
             WHERE a.group_name = i.group_name AND a.instance = i.instance AND a.generation >= $1
               AND a.epoch = $4 AND a.nack_code IS NULL
             ORDER BY a.generation LIMIT 1) a ON true
           LEFT JOIN sluice.acks n
             ON n.group_name = i.group_name AND n.instance = i.instance AND n.generation = $1 AND n.nack_code IS NOT NULL
           WHERE i.revoked_at IS NULL AND ($2::text[] IS NULL OR i.scope = ANY ($2))
           ORDER BY i.group_name, i.instance`,
          [String(generation), scopes, committedAt, String(epoch)],
        ),
      );
    return {
      generation,
      committedAt,
      scopes: scopes ?? [],
      instances: rows.map(({ nack_code: nackCode, acked_at: ackedAt, ms, ...rest }) => {
        const instance = instanceOf(rest);
        const acked = ackedAt !== null || holdsGeneration(instance, { epoch, generation });
        return {
          instance,
          outcome: acked ? "acked" : nackCode === null ? "pending" : "nacked",
          nackCode,
          commitToAckMs: ms,
        };
      }),
    };
  }

  async orderProgress(
    { tenant, generation, regions }: Parameters<FleetStore["orderProgress"]>[0],
    epoch: bigint,
  ): Promise<readonly OrderProgress[]> {
    const rows: (InstanceRow & { counts: Record<string, number> | null })[] = await orUnavailable(
      this.#dataSource.query(
        `SELECT i.*, r.counts FROM sluice.instances i
         LEFT JOIN LATERAL (
           SELECT counts FROM sluice.order_results r
           WHERE r.tenant = $1 AND r.generation >= $2 AND r.group_name = i.group_name AND r.instance = i.instance
           ORDER BY r.generation LIMIT 1) r ON true
         WHERE i.revoked_at IS NULL AND ($3::text[] IS NULL OR i.scope = ANY ($3))
         ORDER BY i.group_name, i.instance`,
        [tenant, String(generation), regions?.map(scopeOfRegion) ?? null],
      ),
    );
    return rows.map(({ counts, ...row }) => {
      const instance = instanceOf(row);
      return { instance, acked: holdsGeneration(instance, { epoch, generation }), counts: counts ?? {} };
    });
  }

  async reportParts(bucket: number, since: Date): Promise<readonly StoredReportPart[]> {
    const rows: { group_name: string; instance: string; region: string; bytes: Buffer }[] =
      await orUnavailable(
        this.#dataSource.query(
          `SELECT r.group_name, r.instance, i.region, r.bytes
         FROM sluice.reports r JOIN sluice.instances i USING (group_name, instance)
         WHERE r.bucket = $1 AND i.reported_at >= $2 AND i.revoked_at IS NULL
         ORDER BY r.group_name, r.instance`,
          [bucket, since],
        ),
      );
    return rows.map(({ group_name: group, ...row }) => ({ group, ...row }));
  }

  async networkBans(
    tenant: string,
    at: Date,
  ): Promise<readonly { readonly address: string; readonly untilMs: number }[]> {
    const rows: { address: string; until: Date }[] = await orUnavailable(
      this.#dataSource.query(
        `SELECT address, max(until) AS until FROM sluice.network_bans WHERE tenant = $1 AND until > $2
         GROUP BY address ORDER BY address`,
        [tenant, at],
      ),
    );
    return rows.map(({ address, until }) => ({ address, untilMs: until.getTime() }));
  }

  revoke(name: InstanceName, actor: Actor): Promise<{ readonly generation: bigint | undefined } | undefined> {
    const revoked = this.#dataSource.transaction(async (manager) => {
      const rows: { key_scopes: string[]; revoked_at: Date | null }[] = await manager.query(
        "SELECT key_scopes, revoked_at FROM sluice.instances WHERE group_name = $1 AND instance = $2 FOR UPDATE",
        [name.group, name.instance],
      );
      const [row] = rows;
      if (row === undefined) return undefined;
      if (row.revoked_at !== null) return { generation: undefined };
      const now = new Date(this.#clock.now());
      await manager.query(
        `UPDATE sluice.instances SET revoked_at = $3, waiting_key = NULL, connected_since = NULL, control_plane = NULL
         WHERE group_name = $1 AND instance = $2`,
        [name.group, name.instance, now],
      );
      await manager.query("DELETE FROM sluice.reports WHERE group_name = $1 AND instance = $2", [
        name.group,
        name.instance,
      ]);
      let generation: bigint | undefined;
      if (row.key_scopes.length > 0) {
        generation = await takeGeneration(manager);
        for (const scope of row.key_scopes) {
          const change = { scope, dataKey: makeDataKey(), generation, at: now };
          await replaceDataKey(manager, change, this.#vault, this.#rows);
        }
        await markScopes(manager, row.key_scopes, generation);
      }
      await this.#audit(manager, actor, "instance.revoked", name, generation ?? null, now);
      return { generation };
    });
    return orUnavailable(revoked);
  }

  allow(name: InstanceName, fingerprint: string, actor: Actor): Promise<boolean> {
    const allowed = this.#dataSource.transaction(async (manager) => {
      const rows: { waiting_key: Buffer | null }[] = await manager.query(
        `SELECT waiting_key FROM sluice.instances
         WHERE group_name = $1 AND instance = $2 AND revoked_at IS NULL FOR UPDATE`,
        [name.group, name.instance],
      );
      const key = rows[0]?.waiting_key;
      if (key === null || key === undefined || keyFingerprint(key) !== fingerprint) return false;
      await manager.query(
        `UPDATE sluice.instances SET public_key = waiting_key, waiting_key = NULL
         WHERE group_name = $1 AND instance = $2`,
        [name.group, name.instance],
      );
      await this.#audit(manager, actor, "instance.key-allowed", name, null, new Date(this.#clock.now()));
      return true;
    });
    return orUnavailable(allowed);
  }

  forget(name: InstanceName, actor: Actor): Promise<boolean> {
    const forgotten = this.#dataSource.transaction(async (manager) => {
      const rows: unknown[] = await manager.query(
        `WITH gone AS (DELETE FROM sluice.instances WHERE group_name = $1 AND instance = $2 RETURNING 1)
         SELECT 1 FROM gone`,
        [name.group, name.instance],
      );
      if (rows.length === 0) return false;
      await this.#audit(manager, actor, "instance.forgotten", name, null, new Date(this.#clock.now()));
      return true;
    });
    return orUnavailable(forgotten);
  }

  async prune(vanishedBefore: Date): Promise<readonly InstanceName[]> {
    const pruned = this.#dataSource.transaction(async (manager) => {
      const gone: { group_name: string; instance: string }[] = await manager.query(
        // One that is revoked is remembered, so that it stays refused.
        `WITH gone AS (
           DELETE FROM sluice.instances WHERE last_seen_at < $1 AND revoked_at IS NULL RETURNING group_name, instance)
         SELECT group_name, instance FROM gone`,
        [vanishedBefore],
      );
      for (const table of ["acks", "order_results", "generations"]) {
        await manager.query(
          // Those to come: what was written down before answers were held against the history.
          `DELETE FROM sluice.${table} WHERE generation < (SELECT generation FROM sluice.fleet) - $1::bigint
             OR generation > (SELECT generation FROM sluice.fleet)`,
          [KEPT_GENERATIONS],
        );
      }
      return gone.map(({ group_name: group, instance }) => ({ group, instance }));
    });
    return orUnavailable(pruned);
  }

  #audit(
    manager: EntityManager,
    actor: Actor,
    action: string,
    name: InstanceName,
    generation: bigint | null,
    at: Date,
  ): Promise<void> {
    const difference = { instance: { from: null, to: nameOf(name) } };
    return appendAudit(manager, { actor, action, tenant: null, cluster: null, generation, difference }, at);
  }
}

function listedOf({ scope_generation, behind_since, ...row }: ListedRow, epoch: bigint): ListedInstance {
  const instance = instanceOf(row);
  const newest = { epoch, generation: BigInt(scope_generation ?? 0) };
  return { instance, newest, behindSince: holdsGeneration(instance, newest) ? null : behind_since };
}

function stateJson(scope: string, { epoch, generation, stateRoot }: Held): Readonly<Record<string, string>> {
  return {
    scope,
    epoch: String(epoch),
    generation: String(generation),
    root: Buffer.from(stateRoot).toString("hex"),
  };
}

/** One statement may not change a row twice. */
function lastOfEach<T>(notes: readonly T[], keyOf: (note: T) => string): readonly T[] {
  return [...new Map(notes.map((note) => [keyOf(note), note])).values()];
}
