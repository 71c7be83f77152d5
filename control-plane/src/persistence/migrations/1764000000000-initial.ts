import type { MigrationInterface, QueryRunner } from "typeorm";

export class Initial1764000000000 implements MigrationInterface {
  name = "Initial1764000000000";

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE TABLE "tenants" (
        "id" uuid NOT NULL, "external_id" text NOT NULL, "settings" jsonb NOT NULL,
        "inserted_at" TIMESTAMP WITH TIME ZONE NOT NULL, "updated_at" TIMESTAMP WITH TIME ZONE NOT NULL,
        CONSTRAINT "tenants_external_id_key" UNIQUE ("external_id"), CONSTRAINT "tenants_pkey" PRIMARY KEY ("id"))`);
    await runner.query(`
      CREATE TABLE "users" (
        "id" uuid NOT NULL, "tenant_external_id" text NOT NULL, "position" integer NOT NULL, "db_user" text NOT NULL,
        "settings" jsonb NOT NULL, "db_pass_encrypted" bytea NOT NULL, "verifier_encrypted" bytea NOT NULL,
        CONSTRAINT "users_tenant_db_user_key" UNIQUE ("tenant_external_id", "db_user"),
        CONSTRAINT "users_pkey" PRIMARY KEY ("id"))`);
    // One row: the fleet's generation. Its row lock makes the order of commits the order of generations.
    await runner.query(`CREATE TABLE generation (value bigint NOT NULL)`);
    await runner.query(`INSERT INTO generation VALUES (0)`);
    await runner.query(`
      CREATE TABLE scopes (
        scope text PRIMARY KEY, generation bigint NOT NULL, data_key_id text NOT NULL, data_key_encrypted bytea NOT NULL)`);
    await runner.query(`
      CREATE TABLE records (
        scope text NOT NULL REFERENCES scopes, id text COLLATE "C" NOT NULL, body bytea NOT NULL, PRIMARY KEY (scope, id))`);
    await runner.query(`
      CREATE TABLE removals (external_id text NOT NULL, generation bigint NOT NULL)`);
    await runner.query(`CREATE INDEX removals_generation ON removals (generation)`);
    await runner.query(`
      CREATE TABLE published_states (
        scope text NOT NULL REFERENCES scopes, epoch bigint NOT NULL, generation bigint NOT NULL, state_root bytea NOT NULL,
        record_ids text[], chunk_hashes bytea[] NOT NULL, PRIMARY KEY (scope, epoch, generation))`);
    await runner.query(`
      CREATE TABLE snapshots (
        scope text NOT NULL REFERENCES scopes, epoch bigint NOT NULL, generation bigint NOT NULL,
        replaces bigint NOT NULL, envelope bytea NOT NULL, PRIMARY KEY (scope, epoch, generation, replaces))`);
    await runner.query(`CREATE TABLE chunks (sha256 bytea PRIMARY KEY, bytes bytea NOT NULL)`);
  }

  async down(runner: QueryRunner): Promise<void> {
    for (const table of [
      "chunks",
      "snapshots",
      "published_states",
      "removals",
      "records",
      "scopes",
      "generation",
      "users",
      "tenants",
    ]) {
      await runner.query(`DROP TABLE ${table}`);
    }
  }
}
