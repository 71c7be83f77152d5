import type { DataSource, EntityManager, QueryDeepPartialEntity } from "typeorm";
import type { AuditEntry, AuditFilter, AuditLog, AuditRecord } from "../audit/index.js";
import { AuditEntity, type AuditRow } from "./audit-entities.js";
import { orUnavailable } from "./store-unavailable.js";

/** In the transaction that makes the change: both are there, or neither. */
export async function appendAudit(manager: EntityManager, record: AuditRecord, at: Date): Promise<void> {
  const { actor, generation, ...what } = record;
  const row: Omit<AuditRow, "id"> = {
    at,
    ...actor,
    ...what,
    generation: generation === null ? null : String(generation),
  };
  await manager.insert(AuditEntity, row as QueryDeepPartialEntity<AuditRow>);
}

export class StoredAudit implements AuditLog {
  readonly #dataSource: DataSource;

  constructor(dataSource: DataSource) {
    this.#dataSource = dataSource;
  }

  async list(
    { tenant, cluster, since, until }: AuditFilter,
    before: bigint | undefined,
    limit: number,
  ): Promise<readonly AuditEntry[]> {
    const query = this.#dataSource.manager
      .createQueryBuilder(AuditEntity, "entry")
      .orderBy("entry.id", "DESC")
      .limit(limit);
    if (tenant !== undefined) query.andWhere("entry.tenant = :tenant", { tenant });
    if (cluster !== undefined) query.andWhere("entry.cluster = :cluster", { cluster });
    if (since !== undefined) query.andWhere("entry.at >= :since", { since });
    if (until !== undefined) query.andWhere("entry.at < :until", { until });
    if (before !== undefined) query.andWhere("entry.id < :before", { before: String(before) });
    return (await orUnavailable(query.getMany())).map(entryOf);
  }
}

function entryOf(row: AuditRow): AuditEntry {
  const { id, generation, subject, jti, tokenId, requestId, ...what } = row;
  return {
    ...what,
    id: BigInt(id),
    generation: generation === null ? null : BigInt(generation),
    actor: { subject, jti, tokenId, requestId },
  };
}
