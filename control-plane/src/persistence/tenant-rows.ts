import { randomUUID } from "node:crypto";
import { type EntityManager, In, type QueryDeepPartialEntity } from "typeorm";
import type { StoredTenant, Tenant, User } from "../tenants/index.js";
import { TenantEntity, type TenantRow, UserEntity, type UserRow } from "./tenant-entities.js";
import type { Vault } from "./vault.js";

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
    after: string | undefined,
    limit: number,
  ): Promise<readonly StoredTenant[]> {
    const query = manager
      .createQueryBuilder(TenantEntity, "tenant")
      .orderBy("tenant.externalId")
      .limit(limit);
    if (after !== undefined) query.where("tenant.externalId > :after", { after });
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
      insertedAt: stored?.insertedAt ?? now,
      updatedAt: now,
    };
    if (stored === undefined) {
      await manager.insert(TenantEntity, row as QueryDeepPartialEntity<TenantRow>);
    } else {
      await manager.update(TenantEntity, { id: row.id }, row as QueryDeepPartialEntity<TenantRow>);
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
