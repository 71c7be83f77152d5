import type { MigrationInterface, QueryRunner } from "typeorm";

const UP = [
  `CREATE TABLE sluice.deltas (
    scope text COLLATE "C" NOT NULL,
    epoch bigint NOT NULL,
    generation bigint NOT NULL,
    from_generation bigint NOT NULL,
    key_id text NOT NULL,
    envelope bytea NOT NULL,
    CONSTRAINT deltas_pkey PRIMARY KEY (scope, epoch, generation),
    CONSTRAINT deltas_scope_fkey FOREIGN KEY (scope) REFERENCES sluice.scopes (scope) ON DELETE CASCADE)`,
  // They are signed again when somebody asks.
  "DELETE FROM sluice.snapshots",
  "ALTER TABLE sluice.snapshots DROP CONSTRAINT snapshots_pkey",
  `ALTER TABLE sluice.snapshots
    ADD COLUMN replaces_epoch bigint NOT NULL,
    ADD COLUMN key_id text NOT NULL,
    ADD COLUMN mass_removal boolean NOT NULL,
    ADD CONSTRAINT snapshots_pkey PRIMARY KEY (scope, epoch, generation, replaces_epoch, replaces)`,
  `ALTER TABLE sluice.scopes
    ADD COLUMN ahead_epoch bigint,
    ADD COLUMN ahead_generation bigint,
    ADD COLUMN ahead_root bytea,
    ADD COLUMN ahead_reporter text,
    ADD COLUMN ahead_at timestamp(3) with time zone,
    ADD COLUMN mass_removal_until timestamp(3) with time zone`,
  "CREATE INDEX records_generation_idx ON sluice.records (scope, generation)",
];

const DOWN = [
  "DROP INDEX sluice.records_generation_idx",
  `ALTER TABLE sluice.scopes
    DROP COLUMN ahead_epoch,
    DROP COLUMN ahead_generation,
    DROP COLUMN ahead_root,
    DROP COLUMN ahead_reporter,
    DROP COLUMN ahead_at,
    DROP COLUMN mass_removal_until`,
  "DELETE FROM sluice.snapshots",
  "ALTER TABLE sluice.snapshots DROP CONSTRAINT snapshots_pkey",
  `ALTER TABLE sluice.snapshots
    DROP COLUMN replaces_epoch,
    DROP COLUMN key_id,
    DROP COLUMN mass_removal,
    ADD CONSTRAINT snapshots_pkey PRIMARY KEY (scope, epoch, generation, replaces)`,
  "DROP TABLE sluice.deltas",
];

export class Deltas1764500000000 implements MigrationInterface {
  readonly name = "Deltas1764500000000";

  async up(runner: QueryRunner): Promise<void> {
    for (const statement of UP) await runner.query(statement);
  }

  async down(runner: QueryRunner): Promise<void> {
    for (const statement of DOWN) await runner.query(statement);
  }
}
