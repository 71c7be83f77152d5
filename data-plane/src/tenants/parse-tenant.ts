import { X509Certificate } from "node:crypto";
import {
  decodeTenant,
  IpVersion as IpVersionCode,
  PoolMode,
  ServerReset,
  type TenantRecord,
  UpstreamVerify,
  type UserRecord,
  type VerifiedBytes,
} from "@sluice/shared/bundle";
import { messageOf } from "@sluice/shared/errors";
import { checkField, openField } from "@sluice/shared/secrets";
import { type IpVersion, isExternalId, LIMITS, TENANT_DEFAULTS, USER_DEFAULTS } from "@sluice/shared/tenant";
import { AddressRanges, type Upstream } from "../transport/index.js";
import type { Ban, Orders, Secret, Tenant, TenantUser } from "./tenant.js";

let revisions = 0;

/**
 * A tenant from the bytes of its record. The record is ours and signed, and is checked all the same: a bug in
 * the control plane must not stop a data plane.
 * @param secrets "opened": each is, to see whether it can be, which is most of the work; "sealed": they were before.
 * @throws Error that says what cannot be used; the record is then quarantined.
 */
export function parseTenant(
  body: VerifiedBytes,
  scope: string,
  dataKeys: ReadonlyMap<string, Uint8Array>,
  secrets: "opened" | "sealed",
): Tenant {
  const record = decodeTenant(body);
  if (!isExternalId(record.externalId)) throw new Error("external_id cannot be used");
  if (record.dbHost === "" || record.dbHost.length > LIMITS.hostBytes)
    throw new Error("db_host cannot be used");
  if (record.dbPort < 1 || record.dbPort > 65_535)
    throw new Error(`db_port ${record.dbPort} is out of range`);
  if (!record.requireUser && record.authQuery === "") throw new Error("auth_query is missing");
  const users = new Map<string, TenantUser>();
  for (const user of record.users) {
    // Which of two would be meant, nobody can say.
    if (users.has(user.dbUser)) throw new Error(`there are two users ${user.dbUser}`);
    users.set(user.dbUser, parseUser(user, scope, record.externalId, dataKeys, secrets));
  }
  const manager = [...users.values()].find((user) => user.manager);
  if (!record.requireUser && manager === undefined)
    throw new Error("there is no manager user for auth_query");
  revisions += 1;
  return {
    id: record.externalId,
    upstream: parseUpstream(record),
    database: record.dbDatabase,
    enforceSsl: record.enforceSsl,
    defaultParameterStatus: parameterStatusOf(record),
    requireUser: record.requireUser,
    authQuery: record.authQuery === "" ? undefined : record.authQuery,
    defaultPoolSize: bounded(record.defaultPoolSize, LIMITS.poolSize, "default_pool_size"),
    defaultMaxClients: bounded(record.defaultMaxClients, LIMITS.maxClients, "default_max_clients"),
    clientIdleTimeoutMs: record.clientIdleTimeoutMs,
    clientHeartbeatIntervalS: record.clientHeartbeatIntervalS,
    ...parseTimeouts(record),
    minPoolSize: bounded(record.minPoolSize, LIMITS.poolSize, "min_pool_size"),
    maxServerConnections: orNone(
      bounded(record.maxServerConnections, LIMITS.maxServerConnections, "max_server_connections"),
    ),
    maxPinned: record.maxPinned,
    applicationNameAddHost: record.applicationNameAddHost,
    serverReset: record.serverReset === ServerReset.ALWAYS ? "always" : TENANT_DEFAULTS.serverReset,
    allowMd5: record.allowMd5,
    jitApiUrl: record.useJit ? httpUrl(record.jitApiUrl) : undefined,
    allowList: allowListOf(record.allowList),
    availabilityZone: record.availabilityZone === "" ? undefined : record.availabilityZone,
    namedPreparedStatements: record.namedPreparedStatements,
    appNameMetric: record.appNameMetric,
    sniHostname: record.sniHostname === "" ? undefined : record.sniHostname.toLowerCase(),
    users,
    manager,
    ban: parseBan(record),
    orders: parseOrders(record),
    revision: revisions,
  };
}

type Timeouts = Pick<
  Tenant,
  | "idleTransactionTimeoutMs"
  | "queryTimeoutMs"
  | "transactionTimeoutMs"
  | "serverIdleTimeoutMs"
  | "serverLifetimeMs"
  | "serverConnectTimeoutMs"
>;

function parseTimeouts(record: TenantRecord): Timeouts {
  const checked = (value: number, field: string): number => bounded(value, LIMITS.timeoutMs, field);
  return {
    idleTransactionTimeoutMs: checked(record.idleTransactionTimeoutMs, "idle_transaction_timeout"),
    queryTimeoutMs: checked(record.queryTimeoutMs, "query_timeout"),
    transactionTimeoutMs: checked(record.transactionTimeoutMs, "transaction_timeout"),
    serverIdleTimeoutMs: checked(
      record.serverIdleTimeoutMs ?? TENANT_DEFAULTS.serverIdleTimeoutMs,
      "server_idle_timeout",
    ),
    serverLifetimeMs: checked(record.serverLifetimeMs ?? TENANT_DEFAULTS.serverLifetimeMs, "server_lifetime"),
    serverConnectTimeoutMs: bounded(
      record.serverConnectTimeoutMs ?? TENANT_DEFAULTS.serverConnectTimeoutMs,
      LIMITS.serverConnectTimeoutMs,
      "server_connect_timeout",
    ),
  };
}

function parseBan(record: TenantRecord): Ban | undefined {
  if (record.bannedAtMs === 0n) return undefined;
  return {
    reason: record.banReason,
    atMs: whole(record.bannedAtMs, "banned_at"),
    untilMs: orNone(whole(record.bannedUntilMs, "banned_until")),
  };
}

function parseOrders(record: TenantRecord): Orders {
  if (record.clearedBans.length > LIMITS.clearedBans) throw new Error("there are too many cleared_bans");
  return {
    terminateSeq: whole(record.terminateSeq, "terminate_seq"),
    pausedUntilMs: whole(record.pausedUntilMs, "paused_until"),
    bansClearedAtMs: whole(record.bansClearedAtMs, "bans_cleared_at"),
    clearedBans: new Map(
      record.clearedBans.map(({ address, clearedAtMs }) => [address, whole(clearedAtMs, "cleared_bans")]),
    ),
    credentialsSeq: whole(record.credentialsSeq, "credentials_seq"),
  };
}

function parseUpstream(record: TenantRecord): Upstream {
  const ca = record.upstreamTlsCa === "" ? undefined : record.upstreamTlsCa;
  // Fails here, in front of the swap, and not at the first connection.
  if (ca !== undefined)
    for (const pem of ca.match(/-----BEGIN[^-]+-----[^-]+-----END[^-]+-----/g) ?? [ca])
      new X509Certificate(pem);
  return {
    host: record.dbHost,
    port: record.dbPort,
    ipVersion: parseIpVersion(record.ipVersion),
    tls: record.upstreamSsl
      ? {
          verify: record.upstreamVerify === UpstreamVerify.PEER ? "peer" : "none",
          ca,
          name: record.upstreamTlsName === "" ? record.dbHost : record.upstreamTlsName,
        }
      : undefined,
  };
}

function parseUser(
  user: UserRecord,
  scope: string,
  tenant: string,
  dataKeys: ReadonlyMap<string, Uint8Array>,
  secrets: "opened" | "sealed",
): TenantUser {
  const secret = (field: string, sealed: UserRecord["sealedPassword"]): Secret => {
    if (sealed === undefined) throw new Error(`users/${user.dbUser}/${field} is missing`);
    const key = dataKeys.get(sealed.keyId);
    if (key === undefined) throw new Error(`no data key ${sealed.keyId}`);
    const dataKey = { id: sealed.keyId, key };
    const place = { scope, tenant, field: `users/${user.dbUser}/${field}` };
    // So that a secret that does not open is seen in front of the swap. In clear it is in memory once it is used.
    if (secrets === "opened") checkField(dataKey, place, sealed);
    return () => openField(dataKey, place, sealed).toString("utf8");
  };
  return {
    name: user.dbUser,
    poolSize: bounded(user.poolSize, LIMITS.poolSize, "pool_size"),
    manager: user.isManager,
    checkoutTimeoutMs: user.poolCheckoutTimeoutMs || USER_DEFAULTS.poolCheckoutTimeoutMs,
    maxClients: user.maxClients === 0 ? undefined : user.maxClients,
    password: secret("db_password", user.sealedPassword),
    verifier: secret("verifier", user.sealedVerifier),
    alias: user.dbUserAlias === "" ? user.dbUser : user.dbUserAlias,
    mode: user.modeType === PoolMode.SESSION ? "session" : "transaction",
  };
}

function parseIpVersion(code: IpVersionCode): IpVersion {
  switch (code) {
    case IpVersionCode.V4:
      return "v4";
    case IpVersionCode.V6:
      return "v6";
    default:
      return "auto";
  }
}

function allowListOf(ranges: readonly string[]): AddressRanges {
  try {
    return AddressRanges.parse(ranges);
  } catch (error) {
    throw new Error(`allow_list: ${messageOf(error)}`);
  }
}

function parameterStatusOf(record: TenantRecord): ReadonlyMap<string, string> {
  const parameters = new Map(Object.entries(record.defaultParameterStatus));
  for (const text of [...parameters].flat())
    if (text.includes("\0")) throw new Error("default_parameter_status has a zero byte");
  return parameters;
}

/** Of fields whose 0 means none. */
function orNone(value: number): number | undefined {
  return value === 0 ? undefined : value;
}

/** A 64-bit number that is one in JavaScript too. */
function whole(value: bigint, field: string): number {
  if (value > BigInt(Number.MAX_SAFE_INTEGER)) throw new Error(`${field} ${value} is out of range`);
  return Number(value);
}

function httpUrl(text: string): string {
  if (!URL.canParse(text) || !/^https?:$/.test(new URL(text).protocol)) {
    throw new Error("jit_api_url is no http or https URL");
  }
  return text;
}

function bounded(value: number, most: number, field: string): number {
  if (value < 0 || value > most) throw new Error(`${field} ${value} is out of range`);
  return value;
}
