import { X509Certificate } from "node:crypto";
import { LIMITS, TENANT_DEFAULTS, USER_DEFAULTS } from "@sluice/shared/tenant";
import type { Tenant, TenantSettings, User } from "./tenant.js";
import { type FieldProblems, TenantInvalid } from "./tenant-failure.js";

/** A body that the OpenAPI document has accepted: types and ranges are right, what concerns several fields is not. */
export type TenantInput = Readonly<Record<string, unknown>>;

/** A user as it will be stored, but for secrets that have still to be made or kept. */
export type WantedUser = Omit<User, "verifier" | "dbPassword"> & { readonly dbPassword: string | undefined };

export interface WantedTenant extends TenantSettings {
  /** Undefined: the key was absent, the stored ones stay. */
  readonly users: readonly WantedUser[] | undefined;
}

class Problems {
  readonly #byField: Record<string, string[]> = {};

  add(field: string, problem: string): void {
    this.#byField[field] = [...(this.#byField[field] ?? []), problem];
  }

  throwIfAny(): void {
    if (Object.keys(this.#byField).length > 0) throw new TenantInvalid(this.#byField satisfies FieldProblems);
  }
}

/**
 * The tenant that a PUT wants: absent keys keep what is stored, or take their default.
 * @throws TenantInvalid with every problem, by field
 */
export function mergeTenant(
  externalId: string,
  input: TenantInput,
  stored: Tenant | undefined,
): WantedTenant {
  const problems = new Problems();
  const value = <T>(key: string, kept: T | undefined, fallback?: T): T => {
    if (input[key] !== undefined) return input[key] as T;
    if (kept !== undefined) return kept;
    if (fallback === undefined) problems.add(key, "can't be blank");
    return fallback as T;
  };
  if (input["external_id"] !== undefined && input["external_id"] !== externalId) {
    problems.add("external_id", `must be ${JSON.stringify(externalId)}, as in the path`);
  }
  const settings: TenantSettings = {
    externalId,
    dbHost: value("db_host", stored?.dbHost),
    dbPort: value("db_port", stored?.dbPort),
    dbDatabase: value("db_database", stored?.dbDatabase),
    defaultParameterStatus: value("default_parameter_status", stored?.defaultParameterStatus, {}),
    ipVersion: value("ip_version", stored?.ipVersion, TENANT_DEFAULTS.ipVersion),
    upstreamSsl: value("upstream_ssl", stored?.upstreamSsl, TENANT_DEFAULTS.upstreamSsl),
    upstreamVerify: value("upstream_verify", stored?.upstreamVerify, null),
    upstreamTlsCa: blankAsNull(value<string | null>("upstream_tls_ca", stored?.upstreamTlsCa, null)),
    upstreamTlsName: blankAsNull(value<string | null>("upstream_tls_name", stored?.upstreamTlsName, null)),
    enforceSsl: value("enforce_ssl", stored?.enforceSsl, TENANT_DEFAULTS.enforceSsl),
    requireUser: value("require_user", stored?.requireUser, TENANT_DEFAULTS.requireUser),
    authQuery: blankAsNull(value<string | null>("auth_query", stored?.authQuery, null)),
    defaultPoolSize: value("default_pool_size", stored?.defaultPoolSize, TENANT_DEFAULTS.defaultPoolSize),
    defaultMaxClients: value(
      "default_max_clients",
      stored?.defaultMaxClients,
      TENANT_DEFAULTS.defaultMaxClients,
    ),
    sniHostname: blankAsNull(value<string | null>("sni_hostname", stored?.sniHostname, null)),
    clientIdleTimeoutMs: value(
      "client_idle_timeout",
      stored?.clientIdleTimeoutMs,
      TENANT_DEFAULTS.clientIdleTimeoutMs,
    ),
    clientHeartbeatIntervalS: value(
      "client_heartbeat_interval",
      stored?.clientHeartbeatIntervalS,
      TENANT_DEFAULTS.clientHeartbeatIntervalS,
    ),
    allowList: value<readonly string[]>("allow_list", stored?.allowList, TENANT_DEFAULTS.allowList),
    availabilityZone: value("availability_zone", stored?.availabilityZone, null),
    featureFlags: value("feature_flags", stored?.featureFlags, {}),
    useJit: value("use_jit", stored?.useJit, false),
    jitApiUrl: value("jit_api_url", stored?.jitApiUrl, null),
  };
  const users = (input["users"] as readonly Record<string, unknown>[] | undefined)?.map((user) =>
    wantedUser(user),
  );
  checkTls(settings, problems);
  checkUsers(settings, users, stored, problems);
  problems.throwIfAny();
  // Without TLS there is nothing to verify: null, as Supavisor stores it.
  return {
    ...settings,
    users,
    upstreamVerify: settings.upstreamSsl ? (settings.upstreamVerify ?? "none") : null,
  };
}

function wantedUser(user: Record<string, unknown>): WantedUser {
  const dbUser = user["db_user"] as string;
  return {
    dbUser,
    dbUserAlias: (user["db_user_alias"] as string | undefined) ?? dbUser,
    dbPassword: user["db_password"] as string | undefined,
    poolSize: user["pool_size"] as number,
    modeType: (user["mode_type"] as User["modeType"] | undefined) ?? "transaction",
    isManager: (user["is_manager"] as boolean | undefined) ?? USER_DEFAULTS.isManager,
    poolCheckoutTimeoutMs:
      (user["pool_checkout_timeout"] as number | undefined) ?? USER_DEFAULTS.poolCheckoutTimeoutMs,
    maxClients: (user["max_clients"] as number | null | undefined) ?? null,
  };
}

function checkTls(settings: TenantSettings, problems: Problems): void {
  if (settings.upstreamVerify === "peer" && !settings.upstreamSsl) {
    problems.add("upstream_verify", 'is "peer", which needs upstream_ssl to be true');
  }
  if (settings.upstreamTlsCa !== null) {
    const certificates =
      settings.upstreamTlsCa.match(/-----BEGIN CERTIFICATE-----[\s\S]*?-----END CERTIFICATE-----/g) ?? [];
    if (Buffer.byteLength(settings.upstreamTlsCa) > LIMITS.caBytes)
      problems.add("upstream_tls_ca", "is too long");
    else if (certificates.length === 0) {
      problems.add(
        "upstream_tls_ca",
        "has no certificate; PEM is expected, beginning with -----BEGIN CERTIFICATE-----",
      );
    }
    certificates.forEach((pem, index) => {
      try {
        new X509Certificate(pem);
      } catch {
        problems.add("upstream_tls_ca", `certificate ${index + 1} cannot be read; is it a placeholder?`);
      }
    });
  }
}

function checkUsers(
  settings: TenantSettings,
  users: readonly WantedUser[] | undefined,
  stored: Tenant | undefined,
  problems: Problems,
): void {
  const all: readonly { dbUser: string; isManager: boolean }[] = users ?? stored?.users ?? [];
  if (users === undefined && stored === undefined) problems.add("users", "can't be blank");
  const seen = new Set<string>();
  users?.forEach((user, index) => {
    if (seen.has(user.dbUser)) problems.add(`users.${index}.db_user`, "is listed twice");
    seen.add(user.dbUser);
    const known = stored?.users.some(({ dbUser }) => dbUser === user.dbUser) === true;
    if (user.dbPassword === undefined && !known) {
      problems.add(`users.${index}.db_password`, "can't be blank for a user that is not stored yet");
    }
  });
  if (settings.requireUser) return;
  if (settings.authQuery === null) problems.add("auth_query", "can't be blank when require_user is false");
  if (all.length !== 1) problems.add("users", "must be exactly one, the manager, when require_user is false");
  else if (all[0]?.isManager !== true)
    problems.add("users.0.is_manager", "must be true when require_user is false");
}

function blankAsNull(text: string | null): string | null {
  return text === "" ? null : text;
}
