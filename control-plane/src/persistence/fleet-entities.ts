import { EntitySchema, type EntitySchemaColumnOptions } from "typeorm";

/*
 * What is known of the fleet's data planes. The statements are written by hand (fleet-rows.ts and its neighbours); the
 * entities say what the tables look like, and a test holds them and the migrations together.
 */

const name: EntitySchemaColumnOptions = { type: "text", collation: "C" };
const at: EntitySchemaColumnOptions = { type: "timestamptz", precision: 3 };
const number: EntitySchemaColumnOptions = { type: "bigint" };

function key(table: string, column: EntitySchemaColumnOptions): EntitySchemaColumnOptions {
  return { ...column, primary: true, primaryKeyConstraintName: `${table}_pkey` };
}

/** The rows end with their instance. */
function ofInstance(table: string) {
  return {
    foreignKeys: [
      {
        name: `${table}_instance_fkey`,
        target: "instance",
        columnNames: ["group_name", "instance"],
        referencedColumnNames: ["group_name", "instance"],
        onDelete: "CASCADE" as const,
      },
    ],
    indices: [{ name: `${table}_instance_idx`, columns: ["group_name", "instance"] }],
  };
}

type Row = Readonly<Record<string, unknown>>;

/** When each of the newest generations was committed, which scopes it touched, and in which trace. */
const GenerationEntity = new EntitySchema<Row>({
  name: "generation",
  tableName: "generations",
  columns: {
    generation: key("generations", number),
    committed_at: at,
    scopes: { type: "text", array: true },
    traceparent: { type: "text", nullable: true },
  },
});

const InstanceEntity = new EntitySchema<Row>({
  name: "instance",
  tableName: "instances",
  columns: {
    group_name: key("instances", name),
    instance: key("instances", name),
    region: name,
    scope: name,
    public_key: { type: "bytea" },
    waiting_key: { type: "bytea", nullable: true },
    // Those whose data keys it was ever given.
    key_scopes: { type: "text", array: true },
    build: { type: "text" },
    keyset_version: number,
    first_seen_at: at,
    last_seen_at: at,
    connected_since: { ...at, nullable: true },
    control_plane: { type: "text", nullable: true },
    held_epoch: { ...number, nullable: true },
    held_generation: { ...number, nullable: true },
    held_root: { type: "bytea", nullable: true },
    quarantined: { type: "text", array: true },
    nack: { type: "jsonb", nullable: true },
    trouble: { type: "text", nullable: true },
    ready: { type: "boolean", nullable: true },
    freshness_age_ms: { ...number, nullable: true },
    reported_at: { ...at, nullable: true },
    revoked_at: { ...at, nullable: true },
  },
  indices: [{ name: "instances_scope_idx", columns: ["scope"] }],
});

const AckEntity = new EntitySchema<Row>({
  name: "ack",
  tableName: "acks",
  columns: {
    generation: key("acks", number),
    group_name: key("acks", name),
    instance: key("acks", name),
    epoch: number,
    nack_code: { type: "text", nullable: true },
    at,
  },
  ...ofInstance("acks"),
});

const OrderResultEntity = new EntitySchema<Row>({
  name: "order_result",
  tableName: "order_results",
  columns: {
    tenant: key("order_results", name),
    generation: key("order_results", number),
    group_name: key("order_results", name),
    instance: key("order_results", name),
    counts: { type: "jsonb" },
  },
  ...ofInstance("order_results"),
});

/** The series of the last report, in parts. */
const ReportEntity = new EntitySchema<Row>({
  name: "report",
  tableName: "reports",
  columns: {
    bucket: key("reports", { type: "smallint" }),
    group_name: key("reports", name),
    instance: key("reports", name),
    bytes: { type: "bytea" },
  },
  ...ofInstance("reports"),
});

const NetworkBanEntity = new EntitySchema<Row>({
  name: "network_ban",
  tableName: "network_bans",
  columns: {
    tenant: key("network_bans", name),
    address: key("network_bans", name),
    group_name: key("network_bans", name),
    instance: key("network_bans", name),
    until: at,
  },
  ...ofInstance("network_bans"),
});

/** Data keys that a revocation has replaced: sent for a while still, since states sealed by them are. */
const RetiredDataKeyEntity = new EntitySchema<Row>({
  name: "retired_data_key",
  tableName: "retired_data_keys",
  columns: {
    key_id: key("retired_data_keys", { type: "text" }),
    scope: name,
    data_key_encrypted: { type: "bytea" },
    vault_key_id: { type: "text" },
    retired_at: at,
  },
  foreignKeys: [
    {
      name: "retired_data_keys_scope_fkey",
      target: "scope",
      columnNames: ["scope"],
      referencedColumnNames: ["scope"],
      onDelete: "CASCADE",
    },
  ],
});

export const FLEET_ENTITIES = [
  GenerationEntity,
  InstanceEntity,
  AckEntity,
  OrderResultEntity,
  ReportEntity,
  NetworkBanEntity,
  RetiredDataKeyEntity,
];
