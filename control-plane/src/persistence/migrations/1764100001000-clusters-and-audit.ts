import type { MigrationInterface, QueryRunner } from "typeorm";

const UP = [
  "ALTER TABLE sluice.tenants ADD COLUMN version integer NOT NULL DEFAULT 1",
  "ALTER TABLE sluice.tenants ALTER COLUMN version DROP DEFAULT",
  `CREATE TABLE sluice.clusters (
    id uuid NOT NULL,
    alias text COLLATE "C" NOT NULL,
    active boolean NOT NULL,
    version integer NOT NULL,
    inserted_at timestamp(3) with time zone NOT NULL,
    updated_at timestamp(3) with time zone NOT NULL,
    CONSTRAINT clusters_pkey PRIMARY KEY (id),
    CONSTRAINT clusters_alias_key UNIQUE (alias))`,
  `CREATE TABLE sluice.cluster_tenants (
    id uuid NOT NULL,
    cluster_id uuid NOT NULL,
    "position" integer NOT NULL,
    tenant_id uuid NOT NULL,
    type text NOT NULL,
    active boolean NOT NULL,
    inserted_at timestamp(3) with time zone NOT NULL,
    updated_at timestamp(3) with time zone NOT NULL,
    CONSTRAINT cluster_tenants_pkey PRIMARY KEY (id),
    CONSTRAINT cluster_tenants_member_key UNIQUE (cluster_id, tenant_id, type),
    CONSTRAINT cluster_tenants_type_values CHECK (type IN ('write', 'read')),
    CONSTRAINT cluster_tenants_cluster_id_fkey FOREIGN KEY (cluster_id)
      REFERENCES sluice.clusters (id) ON DELETE CASCADE,
    CONSTRAINT cluster_tenants_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES sluice.tenants (id))`,
  "CREATE INDEX cluster_tenants_tenant_id_idx ON sluice.cluster_tenants (tenant_id)",
  `CREATE TABLE sluice.audit (
    id bigserial NOT NULL,
    at timestamp(3) with time zone NOT NULL,
    subject text,
    jti text,
    token_id text NOT NULL,
    request_id text NOT NULL,
    action text NOT NULL,
    tenant text COLLATE "C",
    cluster text COLLATE "C",
    generation bigint,
    difference jsonb NOT NULL,
    CONSTRAINT audit_pkey PRIMARY KEY (id))`,
  "CREATE INDEX audit_tenant_idx ON sluice.audit (tenant, id)",
  "CREATE INDEX audit_at_idx ON sluice.audit (at)",
  `CREATE FUNCTION sluice.refuse_change() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN RAISE EXCEPTION '% is append-only', TG_TABLE_NAME; END $$`,
  `CREATE TRIGGER audit_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON sluice.audit
    FOR EACH STATEMENT EXECUTE FUNCTION sluice.refuse_change()`,
];

const DOWN = [
  "DROP TABLE sluice.audit",
  "DROP FUNCTION sluice.refuse_change()",
  "DROP TABLE sluice.cluster_tenants",
  "DROP TABLE sluice.clusters",
  "ALTER TABLE sluice.tenants DROP COLUMN version",
];

export class ClustersAndAudit1764100001000 implements MigrationInterface {
  readonly name = "ClustersAndAudit1764100001000";

  async up(runner: QueryRunner): Promise<void> {
    for (const statement of UP) await runner.query(statement);
  }

  async down(runner: QueryRunner): Promise<void> {
    for (const statement of DOWN) await runner.query(statement);
  }
}
