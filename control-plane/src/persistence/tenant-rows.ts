import { randomUUID } from "node:crypto";
import { isDeepStrictEqual } from "node:util";
import { type EntityManager, In, type QueryDeepPartialEntity, type SelectQueryBuilder } from "typeorm";
import type { StoredTenant, Tenant, TenantFilter, User } from "../tenants/index.js";
import { TenantEntity, type TenantRow, UserEntity, type UserRow } from "./tenant-entities.js";
import type { Vault } from "./vault.js";

export interface ListedPage {
  readonly after: string | undefined;
  readonly limit: number;
  /** For bans that are in force. */
  readonly now: Date;
}

/** Rows to tenants and back; secrets are in clear on one side only. */
export class TenantRows {
  readonly #vault: Vault;

  constructor(vault: Vault) {
    this.#vault = vault;
  }

  /** @param forUpdate keeps others from changing it until the transaction ends. */
  async find(
    manager: EntityManager,
    externalId: string,
    { forUpdate }: { readonly forUpdate: boolean },
  ): Promise<StoredTenant | undefined> {
    const row = await manager.findOne(TenantEntity, {
      where: { externalId },
      ...(forUpdate ? { lock: { mode: "pessimistic_write" as const } } : {}),
    });
    return row === null ? undefined : (await this.#withUsers(manager, [row]))[0];
  }

  /** By external_id, byte by byte. */
  async list(
    manager: EntityManager,
    filter: TenantFilter,
    { after, limit, now }: ListedPage,
  ): Promise<readonly StoredTenant[]> {
    const query = manager
      .createQueryBuilder(TenantEntity, "tenant")
      .orderBy("tenant.externalId")
      .limit(limit);
    if (after !== undefined) query.andWhere("tenant.externalId > :after", { after });
    narrow(query, filter, now);
    return this.#withUsers(manager, await query.getMany());
  }

  async save(
    manager: EntityManager,
    tenant: Tenant,
    stored: StoredTenant | undefined,
    now: Date,
  ): Promise<StoredTenant> {
    const { users, ...settings } = tenant;
    const row: TenantRow = {
      ...settings,
      id: stored?.id ?? randomUUID(),
      version: (stored?.version ?? 0) + 1,
      insertedAt: stored?.insertedAt ?? now,
      updatedAt: now,
    };
    if (stored === undefined) {
      await manager.insert(TenantEntity, row as QueryDeepPartialEntity<TenantRow>);
    } else {
      await manager.update(TenantEntity, { id: row.id }, row as QueryDeepPartialEntity<TenantRow>);
      if (isDeepStrictEqual(users, stored.users)) return { ...row, users };
      await manager.delete(UserEntity, { tenantId: row.id });
    }
    const rows = users.map((user, position) => this.#rowOfUser(user, row.id, position));
    if (rows.length > 0) await manager.insert(UserEntity, rows);
    return { ...row, users };
  }

  /** Its users go with it. */
  async remove(manager: EntityManager, id: string): Promise<void> {
    await manager.delete(TenantEntity, { id });
  }

  #rowOfUser(user: User, tenantId: string, position: number): UserRow {
    const { dbPassword, verifier, ...settings } = user;
    return {
      ...settings,
      id: randomUUID(),
      tenantId,
      position,
      dbPassEncrypted: this.#vault.seal(dbPassword),
      verifierEncrypted: this.#vault.seal(verifier),
      vaultKeyId: this.#vault.keyId,
    };
  }

  #userOf(row: UserRow): User {
    const { id: _id, tenantId: _tenantId, position: _position, ...columns } = row;
    const { dbPassEncrypted, verifierEncrypted, vaultKeyId, ...settings } = columns;
    return {
      ...settings,
      dbPassword: this.#vault.open(dbPassEncrypted, vaultKeyId).toString("utf8"),
      verifier: this.#vault.open(verifierEncrypted, vaultKeyId).toString("utf8"),
    };
  }

  async #withUsers(manager: EntityManager, rows: readonly TenantRow[]): Promise<StoredTenant[]> {
    if (rows.length === 0) return [];
    const users = await manager.find(UserEntity, {
      where: { tenantId: In(rows.map(({ id }) => id)) },
      order: { position: "ASC" },
    });
    const byTenant = new Map<string, User[]>(rows.map(({ id }) => [id, []]));
    for (const user of users) byTenant.get(user.tenantId)?.push(this.#userOf(user));
    return rows.map((row) => ({ ...row, users: byTenant.get(row.id) ?? [] }));
  }
}

function narrow(query: SelectQueryBuilder<TenantRow>, filter: TenantFilter, now: Date): void {
  const { region, dbHost, banned, text } = filter;
  if (region !== undefined) {
    query.andWhere("(tenant.regions IS NULL OR :region = ANY (tenant.regions))", { region });
  }
  if (dbHost !== undefined) query.andWhere("lower(tenant.dbHost) = lower(:dbHost)", { dbHost });
  if (banned !== undefined) {
    const inForce =
      "(tenant.bannedAt IS NOT NULL AND (tenant.bannedUntil IS NULL OR tenant.bannedUntil >= :now))";
    query.andWhere(banned ? inForce : `NOT ${inForce}`, { now });
  }
  if (text !== undefined) {
    query.andWhere(
      `(tenant.externalId ILIKE :text OR tenant.dbHost ILIKE :text OR tenant.dbDatabase ILIKE :text
        OR EXISTS (SELECT 1 FROM sluice.users u WHERE u.tenant_id = tenant.id AND u.db_user ILIKE :text))`,
      // The wildcards of LIKE stand for themselves.
      { text: `%${text.replaceAll(/[\\%_]/g, (character) => `\\${character}`)}%` },
    );
  }
}
