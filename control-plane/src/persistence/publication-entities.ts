import { EntitySchema, type EntitySchemaColumnOptions } from "typeorm";

/*
 * What publishing keeps. The statements are written by hand (scope-rows.ts, tenant-records.ts, publication-moment.ts);
 * the entities say what the tables look like, and a test holds them and the migrations together.
 */

const scopeColumn: EntitySchemaColumnOptions = { type: "text", collation: "C" };
const generationColumn: EntitySchemaColumnOptions = { type: "bigint" };

function scopeKey(table: string) {
  return {
    name: `${table}_scope_fkey`,
    target: "scope",
    columnNames: ["scope"],
    referencedColumnNames: ["scope"],
    onDelete: "CASCADE" as const,
  };
}

/** One row: the fleet's generation. Its lock makes the order of commits the order of generations. */
const FleetEntity = new EntitySchema<{ id: boolean; generation: string }>({
  name: "fleet",
  tableName: "fleet",
  columns: {
    id: { type: "boolean", primary: true, primaryKeyConstraintName: "fleet_pkey" },
    generation: generationColumn,
  },
  checks: [{ name: "fleet_one_row", expression: "id" }],
});

/** One for each region that ever had a data plane; `generation` is the last that changed its records. */
const ScopeEntity = new EntitySchema<{
  scope: string;
  generation: string;
  dataKeyId: string;
  dataKeyEncrypted: Buffer;
  vaultKeyId: string;
  aheadEpoch: string | null;
  aheadGeneration: string | null;
  aheadRoot: Buffer | null;
  aheadReporter: string | null;
  aheadAt: Date | null;
  massRemovalUntil: Date | null;
}>({
  name: "scope",
  tableName: "scopes",
  columns: {
    scope: { ...scopeColumn, primary: true, primaryKeyConstraintName: "scopes_pkey" },
    generation: generationColumn,
    dataKeyId: { name: "data_key_id", type: "text" },
    dataKeyEncrypted: { name: "data_key_encrypted", type: "bytea" },
    vaultKeyId: { name: "vault_key_id", type: "text" },
    aheadEpoch: { ...generationColumn, name: "ahead_epoch", nullable: true },
    aheadGeneration: { ...generationColumn, name: "ahead_generation", nullable: true },
    aheadRoot: { name: "ahead_root", type: "bytea", nullable: true },
    aheadReporter: { name: "ahead_reporter", type: "text", nullable: true },
    aheadAt: { name: "ahead_at", type: "timestamptz", precision: 3, nullable: true },
    massRemovalUntil: { name: "mass_removal_until", type: "timestamptz", precision: 3, nullable: true },
  },
});

/** The records of each scope, byte for byte as they are signed. */
const RecordEntity = new EntitySchema<{
  scope: string;
  id: string;
  body: Buffer;
  createdGeneration: string;
  generation: string;
}>({
  name: "record",
  tableName: "records",
  columns: {
    scope: { ...scopeColumn, primary: true, primaryKeyConstraintName: "records_pkey" },
    id: { type: "text", collation: "C", primary: true, primaryKeyConstraintName: "records_pkey" },
    body: { type: "bytea" },
    createdGeneration: { ...generationColumn, name: "created_generation" },
    generation: generationColumn,
  },
  foreignKeys: [scopeKey("records")],
  indices: [{ name: "records_generation_idx", columns: ["scope", "generation"] }],
});

/** Records that were removed by a DELETE: what makes a snapshot that drops many tenants a wanted one. */
const RemovalEntity = new EntitySchema<{
  scope: string;
  id: string;
  createdGeneration: string;
  generation: string;
}>({
  name: "removal",
  tableName: "removals",
  columns: {
    scope: { ...scopeColumn, primary: true, primaryKeyConstraintName: "removals_pkey" },
    generation: { ...generationColumn, primary: true, primaryKeyConstraintName: "removals_pkey" },
    id: { type: "text", collation: "C", primary: true, primaryKeyConstraintName: "removals_pkey" },
    createdGeneration: { ...generationColumn, name: "created_generation" },
  },
  foreignKeys: [scopeKey("removals")],
});

/** The history of a scope. Never pruned: a data plane may come back after a long time. Few have chunks. */
const PublishedStateEntity = new EntitySchema<{
  scope: string;
  epoch: string;
  generation: string;
  stateRoot: Buffer;
  recordCount: number;
  chunkHashes: Buffer[] | null;
  publishedAt: Date;
}>({
  name: "published_state",
  tableName: "published_states",
  columns: {
    scope: { ...scopeColumn, primary: true, primaryKeyConstraintName: "published_states_pkey" },
    epoch: { ...generationColumn, primary: true, primaryKeyConstraintName: "published_states_pkey" },
    generation: { ...generationColumn, primary: true, primaryKeyConstraintName: "published_states_pkey" },
    stateRoot: { name: "state_root", type: "bytea" },
    recordCount: { name: "record_count", type: "integer" },
    chunkHashes: { name: "chunk_hashes", type: "bytea", array: true, nullable: true },
    publishedAt: { name: "published_at", type: "timestamptz", precision: 3 },
  },
  foreignKeys: [scopeKey("published_states")],
});

/**
 * Signed manifests of states whose chunks are there. `replaces`: the epoch and generation of the state that is
 * replaced, 0 for an empty data plane.
 */
const SnapshotEntity = new EntitySchema<{
  scope: string;
  epoch: string;
  generation: string;
  replacesEpoch: string;
  replaces: string;
  keyId: string;
  massRemoval: boolean;
  envelope: Buffer;
}>({
  name: "snapshot",
  tableName: "snapshots",
  columns: {
    scope: { ...scopeColumn, primary: true, primaryKeyConstraintName: "snapshots_pkey" },
    epoch: { ...generationColumn, primary: true, primaryKeyConstraintName: "snapshots_pkey" },
    generation: { ...generationColumn, primary: true, primaryKeyConstraintName: "snapshots_pkey" },
    replacesEpoch: {
      ...generationColumn,
      name: "replaces_epoch",
      primary: true,
      primaryKeyConstraintName: "snapshots_pkey",
    },
    replaces: { ...generationColumn, primary: true, primaryKeyConstraintName: "snapshots_pkey" },
    keyId: { name: "key_id", type: "text" },
    massRemoval: { name: "mass_removal", type: "boolean" },
    envelope: { type: "bytea" },
  },
  foreignKeys: [scopeKey("snapshots")],
});

/** Signed deltas, each from one published state to the next. The oldest are forgotten. */
const DeltaEntity = new EntitySchema<{
  scope: string;
  epoch: string;
  generation: string;
  fromGeneration: string;
  keyId: string;
  envelope: Buffer;
}>({
  name: "delta",
  tableName: "deltas",
  columns: {
    scope: { ...scopeColumn, primary: true, primaryKeyConstraintName: "deltas_pkey" },
    epoch: { ...generationColumn, primary: true, primaryKeyConstraintName: "deltas_pkey" },
    generation: { ...generationColumn, primary: true, primaryKeyConstraintName: "deltas_pkey" },
    fromGeneration: { ...generationColumn, name: "from_generation" },
    keyId: { name: "key_id", type: "text" },
    envelope: { type: "bytea" },
  },
  foreignKeys: [scopeKey("deltas")],
});

/** By scope, so that whoever prunes one scope can not take a chunk that another one is about to name. */
const ChunkEntity = new EntitySchema<{ scope: string; sha256: Buffer; bytes: Buffer }>({
  name: "chunk",
  tableName: "chunks",
  columns: {
    scope: { ...scopeColumn, primary: true, primaryKeyConstraintName: "chunks_pkey" },
    sha256: { type: "bytea", primary: true, primaryKeyConstraintName: "chunks_pkey" },
    bytes: { type: "bytea" },
  },
  foreignKeys: [scopeKey("chunks")],
});

export const PUBLICATION_ENTITIES = [
  FleetEntity,
  ScopeEntity,
  RecordEntity,
  RemovalEntity,
  PublishedStateEntity,
  SnapshotEntity,
  DeltaEntity,
  ChunkEntity,
];
