import type { MigrationInterface, QueryRunner } from "typeorm";

const INSTANCE_KEY = `FOREIGN KEY (group_name, instance)
      REFERENCES sluice.instances (group_name, instance) ON DELETE CASCADE`;

const UP = [
  `CREATE TABLE sluice.generations (
    generation bigint NOT NULL,
    committed_at timestamp(3) with time zone NOT NULL,
    scopes text[] NOT NULL,
    CONSTRAINT generations_pkey PRIMARY KEY (generation))`,
  `CREATE TABLE sluice.instances (
    group_name text COLLATE "C" NOT NULL,
    instance text COLLATE "C" NOT NULL,
    region text COLLATE "C" NOT NULL,
    scope text COLLATE "C" NOT NULL,
    public_key bytea NOT NULL,
    waiting_key bytea,
    key_scopes text[] NOT NULL,
    build text NOT NULL,
    keyset_version bigint NOT NULL,
    first_seen_at timestamp(3) with time zone NOT NULL,
    last_seen_at timestamp(3) with time zone NOT NULL,
    connected_since timestamp(3) with time zone,
    control_plane text,
    held_epoch bigint,
    held_generation bigint,
    held_root bytea,
    quarantined text[] NOT NULL,
    nack jsonb,
    trouble text,
    ready boolean,
    freshness_age_ms bigint,
    reported_at timestamp(3) with time zone,
    revoked_at timestamp(3) with time zone,
    CONSTRAINT instances_pkey PRIMARY KEY (group_name, instance))`,
  "CREATE INDEX instances_scope_idx ON sluice.instances (scope)",
  `CREATE TABLE sluice.acks (
    generation bigint NOT NULL,
    group_name text COLLATE "C" NOT NULL,
    instance text COLLATE "C" NOT NULL,
    epoch bigint NOT NULL,
    nack_code text,
    at timestamp(3) with time zone NOT NULL,
    CONSTRAINT acks_pkey PRIMARY KEY (generation, group_name, instance),
    CONSTRAINT acks_instance_fkey ${INSTANCE_KEY})`,
  "CREATE INDEX acks_instance_idx ON sluice.acks (group_name, instance)",
  `CREATE TABLE sluice.order_results (
    tenant text COLLATE "C" NOT NULL,
    generation bigint NOT NULL,
    group_name text COLLATE "C" NOT NULL,
    instance text COLLATE "C" NOT NULL,
    counts jsonb NOT NULL,
    CONSTRAINT order_results_pkey PRIMARY KEY (tenant, generation, group_name, instance),
    CONSTRAINT order_results_instance_fkey ${INSTANCE_KEY})`,
  "CREATE INDEX order_results_instance_idx ON sluice.order_results (group_name, instance)",
  // Told again within 15 s: not worth a write-ahead log.
  `CREATE UNLOGGED TABLE sluice.reports (
    bucket smallint NOT NULL,
    group_name text COLLATE "C" NOT NULL,
    instance text COLLATE "C" NOT NULL,
    bytes bytea NOT NULL,
    CONSTRAINT reports_pkey PRIMARY KEY (bucket, group_name, instance),
    CONSTRAINT reports_instance_fkey ${INSTANCE_KEY})`,
  "CREATE INDEX reports_instance_idx ON sluice.reports (group_name, instance)",
  `CREATE UNLOGGED TABLE sluice.network_bans (
    tenant text COLLATE "C" NOT NULL,
    address text COLLATE "C" NOT NULL,
    group_name text COLLATE "C" NOT NULL,
    instance text COLLATE "C" NOT NULL,
    until timestamp(3) with time zone NOT NULL,
    CONSTRAINT network_bans_pkey PRIMARY KEY (tenant, address, group_name, instance),
    CONSTRAINT network_bans_instance_fkey ${INSTANCE_KEY})`,
  "CREATE INDEX network_bans_instance_idx ON sluice.network_bans (group_name, instance)",
  `CREATE TABLE sluice.retired_data_keys (
    key_id text NOT NULL,
    scope text COLLATE "C" NOT NULL,
    data_key_encrypted bytea NOT NULL,
    vault_key_id text NOT NULL,
    retired_at timestamp(3) with time zone NOT NULL,
    CONSTRAINT retired_data_keys_pkey PRIMARY KEY (key_id),
    CONSTRAINT retired_data_keys_scope_fkey FOREIGN KEY (scope)
      REFERENCES sluice.scopes (scope) ON DELETE CASCADE)`,
];

const DOWN = [
  "DROP TABLE sluice.retired_data_keys",
  "DROP TABLE sluice.network_bans",
  "DROP TABLE sluice.reports",
  "DROP TABLE sluice.order_results",
  "DROP TABLE sluice.acks",
  "DROP TABLE sluice.instances",
  "DROP TABLE sluice.generations",
];

export class Fleet1764400000000 implements MigrationInterface {
  readonly name = "Fleet1764400000000";

  async up(runner: QueryRunner): Promise<void> {
    for (const statement of UP) await runner.query(statement);
  }

  async down(runner: QueryRunner): Promise<void> {
    for (const statement of DOWN) await runner.query(statement);
  }
}
