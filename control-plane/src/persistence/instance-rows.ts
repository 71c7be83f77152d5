import type { Instance, InstanceNack, InstanceStatus, Trouble } from "../fleet/index.js";
import type { Held } from "../publishing/index.js";

interface NackJson {
  readonly code: string;
  readonly detail: string;
  readonly at: string;
  readonly epoch?: string;
  readonly generation?: string;
  readonly root?: string;
}

/** A row of sluice.instances. */
export interface InstanceRow {
  readonly group_name: string;
  readonly instance: string;
  readonly region: string;
  readonly scope: string;
  readonly public_key: Buffer;
  readonly waiting_key: Buffer | null;
  readonly build: string;
  readonly keyset_version: string;
  readonly first_seen_at: Date;
  readonly last_seen_at: Date;
  readonly connected_since: Date | null;
  readonly held_epoch: string | null;
  readonly held_generation: string | null;
  readonly held_root: Buffer | null;
  readonly quarantined: readonly string[];
  readonly nack: NackJson | null;
  readonly trouble: Trouble | null;
  readonly ready: boolean | null;
  readonly freshness_age_ms: string | null;
  readonly reported_at: Date | null;
  readonly revoked_at: Date | null;
}

export function instanceOf(row: InstanceRow): Instance {
  return {
    group: row.group_name,
    instance: row.instance,
    region: row.region,
    scope: row.scope,
    publicKey: row.public_key,
    waitingKey: row.waiting_key,
    build: row.build,
    keysetVersion: BigInt(row.keyset_version),
    firstSeenAt: row.first_seen_at,
    lastSeenAt: row.last_seen_at,
    connectedSince: row.connected_since,
    held: heldOf(row.held_epoch, row.held_generation, row.held_root?.toString("hex")),
    quarantined: row.quarantined,
    nack: row.nack === null ? null : nackOf(row.nack),
    trouble: row.trouble,
    ready: row.ready,
    freshnessAgeMs: row.freshness_age_ms === null ? null : Number(row.freshness_age_ms),
    reportedAt: row.reported_at,
    revokedAt: row.revoked_at,
  };
}

/** As jsonb_to_recordset reads it (WRITE_STATUSES). */
export function statusJson(status: InstanceStatus): Readonly<Record<string, unknown>> {
  const { held, nack } = status;
  return {
    group_name: status.group,
    instance: status.instance,
    region: status.region,
    scope: status.scope,
    build: status.build,
    keyset_version: String(status.keysetVersion),
    last_seen_at: status.lastSeenAt,
    connected_since: status.connectedSince,
    held_epoch: held === undefined ? null : String(held.epoch),
    held_generation: held === undefined ? null : String(held.generation),
    held_root: held === undefined ? null : hexOf(held.stateRoot),
    quarantined: status.quarantined,
    nack: nack === null || nack === undefined ? null : nackJson(nack),
    keeps_nack: nack === undefined,
    trouble: status.trouble,
    ready: status.ready,
    freshness_age_ms: status.freshnessAgeMs,
    reported_at: status.reportedAt,
  };
}

const FIELDS = `region text, scope text, build text, keyset_version bigint, last_seen_at timestamptz,
  connected_since timestamptz, held_epoch bigint, held_generation bigint, held_root text, quarantined text[],
  nack jsonb, keeps_nack boolean, trouble text, ready boolean, freshness_age_ms bigint, reported_at timestamptz`;

/** $1: the control plane, $2: JSON. A stream that has ended here may be open elsewhere meanwhile: that one counts. */
export const WRITE_STATUSES = `
  UPDATE sluice.instances i SET
    region = n.region, scope = n.scope, build = n.build, keyset_version = n.keyset_version,
    last_seen_at = greatest(i.last_seen_at, n.last_seen_at), connected_since = n.connected_since,
    control_plane = CASE WHEN n.connected_since IS NULL THEN NULL ELSE $1 END,
    held_epoch = n.held_epoch, held_generation = n.held_generation, held_root = decode(n.held_root, 'hex'),
    quarantined = n.quarantined, nack = CASE WHEN n.keeps_nack THEN i.nack ELSE n.nack END, trouble = n.trouble, ready = n.ready,
    freshness_age_ms = n.freshness_age_ms, reported_at = n.reported_at
  FROM jsonb_to_recordset($2::jsonb) AS n (group_name text, instance text, ${FIELDS})
  WHERE i.group_name = n.group_name AND i.instance = n.instance
    AND (i.control_plane = $1 OR i.control_plane IS NULL OR n.connected_since >= i.connected_since)`;

function nackJson({ code, detail, refused, at }: InstanceNack): NackJson {
  return {
    code,
    detail,
    at: at.toISOString(),
    ...(refused === undefined
      ? {}
      : {
          epoch: String(refused.epoch),
          generation: String(refused.generation),
          root: hexOf(refused.stateRoot),
        }),
  };
}

function nackOf({ code, detail, at, epoch, generation, root }: NackJson): InstanceNack {
  return { code, detail, at: new Date(at), refused: heldOf(epoch, generation, root) };
}

function heldOf(
  epoch: string | null | undefined,
  generation: string | null | undefined,
  root: string | undefined,
): Held | undefined {
  if (epoch === null || epoch === undefined || generation === null || generation === undefined)
    return undefined;
  return { epoch: BigInt(epoch), generation: BigInt(generation), stateRoot: Buffer.from(root ?? "", "hex") };
}

function hexOf(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}
