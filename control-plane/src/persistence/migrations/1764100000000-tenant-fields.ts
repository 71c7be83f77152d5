import type { MigrationInterface, QueryRunner } from "typeorm";

/** With the value that tenants which are there already get; new ones are always given one. */
const COLUMNS: readonly (readonly [name: string, type: string, forThoseThere?: string])[] = [
  ["regions", "text[]"],
  ["idle_transaction_timeout_ms", "integer", "0"],
  ["query_timeout_ms", "integer", "0"],
  ["transaction_timeout_ms", "integer", "0"],
  ["server_idle_timeout_ms", "integer", "600000"],
  ["server_lifetime_ms", "integer", "3600000"],
  ["server_connect_timeout_ms", "integer", "15000"],
  ["min_pool_size", "integer", "0"],
  ["max_server_connections", "integer", "0"],
  ["application_name_add_host", "boolean", "false"],
  ["server_reset", "text", "'tracked'"],
  ["max_pinned", "integer"],
  ["allow_md5", "boolean", "false"],
  ["terminate_seq", "integer", "0"],
  ["paused_until", "timestamp(3) with time zone"],
  ["bans_cleared_at", "timestamp(3) with time zone"],
  ["cleared_bans", "jsonb", "'[]'"],
  ["credentials_seq", "integer", "0"],
  ["banned_at", "timestamp(3) with time zone"],
  ["ban_reason", "text"],
  ["banned_until", "timestamp(3) with time zone"],
];

const CHECKS = [
  "CONSTRAINT tenants_server_reset_values CHECK (server_reset IN ('tracked', 'always'))",
  "CONSTRAINT tenants_ban CHECK ((banned_at IS NULL) = (ban_reason IS NULL))",
];

export class TenantFields1764100000000 implements MigrationInterface {
  readonly name = "TenantFields1764100000000";

  async up(runner: QueryRunner): Promise<void> {
    const added = COLUMNS.map(([name, type, value]) =>
      value === undefined
        ? `ADD COLUMN ${name} ${type}`
        : `ADD COLUMN ${name} ${type} NOT NULL DEFAULT ${value}`,
    );
    await runner.query(`ALTER TABLE sluice.tenants ${added.join(", ")}`);
    const given = COLUMNS.filter(([, , value]) => value !== undefined);
    await runner.query(
      `ALTER TABLE sluice.tenants ${given.map(([name]) => `ALTER COLUMN ${name} DROP DEFAULT`).join(", ")}`,
    );
    for (const check of CHECKS) await runner.query(`ALTER TABLE sluice.tenants ADD ${check}`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(
      `ALTER TABLE sluice.tenants ${COLUMNS.map(([name]) => `DROP COLUMN ${name}`).join(", ")}`,
    );
  }
}
