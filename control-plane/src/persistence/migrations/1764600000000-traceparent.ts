import type { MigrationInterface, QueryRunner } from "typeorm";

/** Which trace a generation belongs to, so that any replica can hang its publishing and its acks there. */
export class Traceparent1764600000000 implements MigrationInterface {
  readonly name = "Traceparent1764600000000";

  async up(runner: QueryRunner): Promise<void> {
    await runner.query("ALTER TABLE sluice.generations ADD COLUMN traceparent text");
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query("ALTER TABLE sluice.generations DROP COLUMN traceparent");
  }
}
