import type { ClientAddress, ClientCertificate, ClientCertificateRule } from "../transport/index.js";
import {
  AddressNotAllowed,
  ClientCertificateRequired,
  SslRequired,
  TenantBanned,
  TooManyFailedLogins,
} from "./admission-failure.js";
import type { Identity } from "./identify.js";
import type { Ban, Tenant } from "./tenant.js";

/** What is known of a connection before anybody has logged in on it. */
export interface Connection {
  readonly address: ClientAddress;
  readonly encrypted: boolean;
  /** The client's certificate, if one was shown that holds. */
  readonly certified: ClientCertificate | undefined;
}

/** Failed logins of an address at a tenant. */
export interface LoginBrake {
  blocks(tenant: string, group: string): boolean;
}

/**
 * Whether a client may try to log in, in the order of wire.md: ban, TLS rule, client certificate, address, brake.
 * @throws TenantBanned, SslRequired, ClientCertificateRequired, AddressNotAllowed, TooManyFailedLogins
 */
export function admit(
  identity: Identity,
  connection: Connection,
  rule: ClientCertificateRule,
  brake: LoginBrake,
  /** Of the wall clock: bans end by it. */
  nowMs: number,
): void {
  const { tenant, user } = identity;
  const ban = banInForce(tenant, nowMs);
  if (ban !== undefined) throw new TenantBanned(ban.reason);
  if ((tenant.enforceSsl || identity.token) && !connection.encrypted) throw new SslRequired(user);
  checkCertificate(identity, connection, rule);
  const { ip, group } = connection.address;
  if (!tenant.allowList.includes(ip)) throw new AddressNotAllowed(ip);
  if (group !== undefined && brake.blocks(tenant.id, group)) throw new TooManyFailedLogins();
}

export function banInForce({ ban }: Tenant, nowMs: number): Ban | undefined {
  if (ban === undefined || ban.atMs > nowMs) return undefined;
  return ban.untilMs === undefined || nowMs <= ban.untilMs ? ban : undefined;
}

function checkCertificate(identity: Identity, connection: Connection, rule: ClientCertificateRule): void {
  if (rule === "none") return;
  const { certified } = connection;
  if (certified === undefined) throw new ClientCertificateRequired("no certificate of the CA was shown");
  const name = `${identity.user}.${identity.tenant.id}`;
  // The bare user name would let one tenant's certificate in at another's.
  if (rule === "verify-full" && certified.commonName !== name)
    throw new ClientCertificateRequired(
      `the certificate is for ${certified.commonName ?? "no single name"}, not for ${name}`,
    );
}
