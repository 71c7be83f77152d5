import { encodeTenant, IpVersion, PoolMode, ServerReset, UpstreamVerify } from "@sluice/shared/bundle";
import { type DataKey, type SealedSecret, sealField } from "@sluice/shared/secrets";
import { parseCidr, type Tenant } from "../tenants/index.js";

/**
 * A tenant as the data planes of one scope read it. Sealing uses a fresh nonce, so the bytes are made once, in the
 * tenant's transaction, and stored.
 */
export function makeTenantRecord(tenant: Tenant, scope: string, dataKey: DataKey): Uint8Array {
  const seal = (field: string, secret: string): SealedSecret =>
    sealField(dataKey, { scope, tenant: tenant.externalId, field }, secret);
  return encodeTenant({
    externalId: tenant.externalId,
    dbHost: tenant.dbHost,
    dbPort: tenant.dbPort,
    dbDatabase: tenant.dbDatabase,
    ipVersion: { auto: IpVersion.AUTO, v4: IpVersion.V4, v6: IpVersion.V6 }[tenant.ipVersion],
    upstreamSsl: tenant.upstreamSsl,
    upstreamVerify:
      tenant.upstreamVerify === null
        ? UpstreamVerify.UNSPECIFIED
        : { none: UpstreamVerify.NONE, peer: UpstreamVerify.PEER }[tenant.upstreamVerify],
    upstreamTlsCa: tenant.upstreamTlsCa ?? "",
    upstreamTlsName: tenant.upstreamTlsName ?? "",
    enforceSsl: tenant.enforceSsl,
    requireUser: tenant.requireUser,
    authQuery: tenant.authQuery ?? "",
    defaultPoolSize: tenant.defaultPoolSize,
    defaultMaxClients: tenant.defaultMaxClients,
    clientIdleTimeoutMs: tenant.clientIdleTimeoutMs,
    clientHeartbeatIntervalS: tenant.clientHeartbeatIntervalS,
    // In one form; data planes would refuse a bare address.
    allowList: tenant.allowList.map((range) => parseCidr(range) ?? range),
    sniHostname: tenant.sniHostname ?? "",
    defaultParameterStatus: { ...tenant.defaultParameterStatus },
    users: tenant.users.map((user) => ({
      dbUser: user.dbUser,
      poolSize: user.poolSize,
      isManager: user.isManager,
      poolCheckoutTimeoutMs: user.poolCheckoutTimeoutMs,
      maxClients: user.maxClients ?? 0,
      sealedPassword: seal(`users/${user.dbUser}/db_password`, user.dbPassword),
      sealedVerifier: seal(`users/${user.dbUser}/verifier`, user.verifier),
      dbUserAlias: user.dbUserAlias,
      modeType: { transaction: PoolMode.TRANSACTION, session: PoolMode.SESSION }[user.modeType],
    })),
    idleTransactionTimeoutMs: tenant.idleTransactionTimeoutMs,
    queryTimeoutMs: tenant.queryTimeoutMs,
    transactionTimeoutMs: tenant.transactionTimeoutMs,
    serverIdleTimeoutMs: tenant.serverIdleTimeoutMs,
    serverLifetimeMs: tenant.serverLifetimeMs,
    serverConnectTimeoutMs: tenant.serverConnectTimeoutMs,
    minPoolSize: tenant.minPoolSize,
    maxServerConnections: tenant.maxServerConnections,
    applicationNameAddHost: tenant.applicationNameAddHost,
    serverReset: { tracked: ServerReset.TRACKED, always: ServerReset.ALWAYS }[tenant.serverReset],
    ...(tenant.maxPinned === null ? {} : { maxPinned: tenant.maxPinned }),
    allowMd5: tenant.allowMd5,
    useJit: tenant.useJit,
    jitApiUrl: tenant.jitApiUrl ?? "",
    availabilityZone: tenant.availabilityZone ?? "",
    ...flag("namedPreparedStatements", tenant.featureFlags.named_prepared_statements),
    ...flag("appNameMetric", tenant.featureFlags.app_name_metric),
    terminateSeq: BigInt(tenant.terminateSeq),
    pausedUntilMs: momentOf(tenant.pausedUntil),
    bansClearedAtMs: momentOf(tenant.bansClearedAt),
    clearedBans: tenant.clearedBans.map(({ address, clearedAtMs }) => ({
      address,
      clearedAtMs: BigInt(clearedAtMs),
    })),
    credentialsSeq: BigInt(tenant.credentialsSeq),
    bannedAtMs: momentOf(tenant.bannedAt),
    banReason: tenant.banReason ?? "",
    bannedUntilMs: momentOf(tenant.bannedUntil),
  });
}

/** As Supavisor reads its flags: absent is the data plane's own setting, what is no boolean is off. */
function flag<Name extends string>(name: Name, value: unknown): { [name in Name]?: boolean } {
  return value === undefined ? {} : ({ [name]: value === true } as { [name in Name]: boolean });
}

/** 0 stands for none. */
function momentOf(date: Date | null): bigint {
  return BigInt(date?.getTime() ?? 0);
}
