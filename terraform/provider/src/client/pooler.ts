/** Where clients reach the data planes. */
export interface Pooler {
  readonly host: string;
  readonly transactionPort: number;
  readonly sessionPort: number;
}

export interface PoolerLogin {
  readonly tenant: string;
  readonly database: string;
  /** Undefined: the client names it, and the tenant stands in `options`. */
  readonly user?: string | undefined;
  readonly password?: string | undefined;
}

/** A URI for libpq and every driver (PostgreSQL's documentation, section 34.1.1.2). */
export function poolerUri(host: string, port: number, login: PoolerLogin): string {
  const { tenant, database, user, password } = login;
  const at = `${host.includes(":") ? `[${host}]` : host}:${port}`;
  const path = `/${encodeURIComponent(database)}`;
  if (user === undefined)
    return `postgresql://${at}${path}?options=reference%3D${encodeURIComponent(tenant)}`;
  const secret = password === undefined ? "" : `:${encodeURIComponent(password)}`;
  return `postgresql://${encodeURIComponent(`${user}.${tenant}`)}${secret}@${at}${path}`;
}
