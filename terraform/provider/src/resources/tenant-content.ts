import type { Sluice, Stored, TenantRecord } from "../client/index.js";
import type { Change } from "../framework/index.js";
import { isValues, type Value, type Values } from "../protocol/index.js";
import { caFingerprint } from "./ca-fingerprint.js";
import { managerContent, managerState } from "./manager.js";
import { poolerUris } from "./pooler-uris.js";
import { TENANT_SETTINGS } from "./tenant-settings.js";

const SETTINGS = Object.keys(TENANT_SETTINGS);

/** As a PUT takes it: every setting is said, so that what was changed elsewhere goes back. */
export function tenantContent({ planned, config }: Change, prior: Values | null): Record<string, unknown> {
  const settings = Object.fromEntries(SETTINGS.map((name) => [name, planned[name] ?? null]));
  const users = usersContent(planned, config, prior);
  return {
    ...settings,
    upstream_tls_ca: planned.upstream_tls_ca ?? null,
    ...(users === undefined ? {} : { users }),
  };
}

/** Users that are resources of their own stay; a tenant that has a manager has nobody else. */
function usersContent(planned: Values, config: Values, prior: Values | null): unknown[] | undefined {
  const { manager } = planned;
  if (isValues(manager)) {
    const written = isValues(config.manager) ? config.manager : {};
    const before = isValues(prior?.manager) ? prior.manager : null;
    return [managerContent(manager, written, before)];
  }
  return prior === null || isValues(prior.manager) ? [] : undefined;
}

/** A tenant as it is, with what the API does not show as `known` has it. */
export function tenantState(sluice: Sluice, stored: Stored<TenantRecord>, known: Values): Values {
  const { record } = stored;
  const { external_id: tenant, db_database: database } = record;
  // Where users are listed, one of them may be called a manager; nothing is asked as it.
  const manager = record.require_user ? undefined : record.users.find(({ is_manager }) => is_manager);
  return {
    id: record.id,
    external_id: tenant,
    ...settingsState(record),
    upstream_tls_ca: knownCa(record, known),
    upstream_tls_ca_fingerprint: record.upstream_tls_ca_fingerprint,
    wait_for_fleet: known.wait_for_fleet ?? false,
    generation: stored.generation ?? null,
    acked: null,
    pooler_uri: poolerUris(sluice, { tenant, database }),
    inserted_at: record.inserted_at,
    updated_at: record.updated_at,
    manager: managerState(manager, known),
    manager_password_fingerprint: manager?.db_password_fingerprint ?? null,
    timeouts: known.timeouts ?? null,
  };
}

/** Only what its settings are, for data sources too. */
export function settingsState(record: TenantRecord): Values {
  return Object.fromEntries(SETTINGS.map((name) => [name, settingState(record[name])]));
}

function settingState(value: unknown): Value {
  if (value === null || value === undefined) return null;
  if (Array.isArray(value)) return value.map(String);
  if (typeof value === "object") {
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, String(item)]));
  }
  return typeof value === "number" || typeof value === "boolean" ? value : String(value);
}

/** The certificate in state is the stored one as long as the fingerprint says so. */
function knownCa(record: TenantRecord, known: Values): Value {
  const { upstream_tls_ca: pem = null } = known;
  const same = typeof pem === "string" && caFingerprint(pem) === record.upstream_tls_ca_fingerprint;
  return same ? pem : null;
}
