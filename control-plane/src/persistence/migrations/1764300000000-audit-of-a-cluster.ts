import type { MigrationInterface, QueryRunner } from "typeorm";

/** The newest change of a cluster is looked up with every GET of it. */
export class AuditOfACluster1764300000000 implements MigrationInterface {
  readonly name = "AuditOfACluster1764300000000";

  async up(runner: QueryRunner): Promise<void> {
    await runner.query("CREATE INDEX audit_cluster_idx ON sluice.audit (cluster, id)");
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query("DROP INDEX sluice.audit_cluster_idx");
  }
}
