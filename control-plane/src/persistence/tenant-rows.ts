import { randomUUID } from "node:crypto";
import { type EntityManager, In, type QueryDeepPartialEntity } from "typeorm";
import type { StoredTenant, Tenant } from "../tenants/index.js";
import { TenantEntity, type TenantRow, UserEntity, type UserRow } from "./entities.js";
import type { Vault } from "./vault.js";

/** Rows to tenants and back. */
export class TenantRows {
  readonly #vault: Vault;

  constructor(vault: Vault) {
    this.#vault = vault;
  }

  async find(manager: EntityManager, externalId: string, lock: boolean): Promise<StoredTenant | undefined> {
    const row = await manager.findOne(TenantEntity, {
      where: { externalId },
      ...(lock ? { lock: { mode: "pessimistic_write" as const } } : {}),
    });
    return row === null ? undefined : (await this.#withUsers(manager, [row]))[0];
  }

  async list(manager: EntityManager, after: string | undefined, limit: number): Promise<StoredTenant[]> {
    const query = manager
      .createQueryBuilder(TenantEntity, "tenant")
      .orderBy("tenant.externalId")
      .limit(limit);
    if (after !== undefined) query.where("tenant.externalId > :after", { after });
    return this.#withUsers(manager, await query.getMany());
  }

  async all(manager: EntityManager): Promise<StoredTenant[]> {
    return this.#withUsers(manager, await manager.find(TenantEntity));
  }

  async save(
    manager: EntityManager,
    tenant: Tenant,
    stored: StoredTenant | undefined,
  ): Promise<StoredTenant> {
    const { externalId, users, ...settings } = tenant;
    const now = new Date();
    const row: TenantRow = {
      id: stored?.id ?? randomUUID(),
      externalId,
      settings: settingsOnly(settings),
      insertedAt: stored?.insertedAt ?? now,
      updatedAt: now,
    };
    if (stored === undefined) await manager.insert(TenantEntity, row as QueryDeepPartialEntity<TenantRow>);
    else await manager.update(TenantEntity, { id: row.id }, row as QueryDeepPartialEntity<TenantRow>);
    await manager.delete(UserEntity, { tenantExternalId: externalId });
    const rows = users.map(
      ({ dbUser, dbPassword, verifier, ...userSettings }, position): UserRow => ({
        id: randomUUID(),
        tenantExternalId: externalId,
        position,
        dbUser,
        settings: userSettings,
        dbPassEncrypted: this.#vault.seal(dbPassword),
        verifierEncrypted: this.#vault.seal(verifier),
      }),
    );
    if (rows.length > 0) await manager.insert(UserEntity, rows);
    return { ...tenant, id: row.id, insertedAt: row.insertedAt, updatedAt: row.updatedAt };
  }

  async remove(manager: EntityManager, externalId: string): Promise<void> {
    await manager.delete(UserEntity, { tenantExternalId: externalId });
    await manager.delete(TenantEntity, { externalId });
  }

  async #withUsers(manager: EntityManager, rows: readonly TenantRow[]): Promise<StoredTenant[]> {
    if (rows.length === 0) return [];
    const users = await manager.find(UserEntity, {
      where: { tenantExternalId: In(rows.map(({ externalId }) => externalId)) },
      order: { position: "ASC" },
    });
    return rows.map((row) => ({
      ...row.settings,
      externalId: row.externalId,
      users: users
        .filter(({ tenantExternalId }) => tenantExternalId === row.externalId)
        .map((user) => ({
          ...user.settings,
          dbUser: user.dbUser,
          dbPassword: this.#vault.open(user.dbPassEncrypted).toString("utf8"),
          verifier: this.#vault.open(user.verifierEncrypted).toString("utf8"),
        })),
      id: row.id,
      insertedAt: row.insertedAt,
      updatedAt: row.updatedAt,
    }));
  }
}

/** What a stored tenant carries beside its settings does not belong into the column. */
function settingsOnly(settings: Omit<Tenant, "externalId" | "users">): TenantRow["settings"] {
  const {
    id: _id,
    insertedAt: _insertedAt,
    updatedAt: _updatedAt,
    ...rest
  } = settings as Partial<StoredTenant>;
  return rest as TenantRow["settings"];
}
