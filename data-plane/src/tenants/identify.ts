import type { Directory } from "./directory.js";
import { InvalidUserInfo, NoIdentifier, TenantNotFound } from "./identification-failure.js";
import { parseStartupOptions } from "./startup-options.js";
import type { Tenant } from "./tenant.js";

const MOST_NAME_BYTES = 63;
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is refused
const UNPRINTABLE = /[\u0000-\u001f\u007f-\u009f\ufffd]/;

/** Who a client is and whose database it wants. */
export interface Identity {
  readonly tenant: Tenant;
  /** The role in the tenant's database, without the tenant's suffix. */
  readonly user: string;
  readonly database: string;
  /** Parameters that belong to the session, in the order given, those inside `options` included. */
  readonly settings: ReadonlyMap<string, string>;
}

/** Parameters of the startup packet that are not settings. */
const NOT_SETTINGS: ReadonlySet<string> = new Set(["user", "database", "options", "replication"]);

/**
 * `options` reference, then the user name's suffix behind its last dot, then TLS SNI (wire.md, "Who is meant").
 * @throws InvalidUserInfo, NoIdentifier, TenantNotFound
 */
export function identify(
  parameters: ReadonlyMap<string, string>,
  serverName: string | undefined,
  directory: Directory,
): Identity {
  const userName = parameters.get("user") ?? "";
  const options = parseStartupOptions(parameters.get("options") ?? "");
  const reference = options.get("reference");
  const dot = userName.lastIndexOf(".");

  let tenant: Tenant | undefined;
  let user = userName;
  if (reference !== undefined) {
    tenant = directory.find(reference);
    if (tenant === undefined) throw new TenantNotFound(userName, reference);
  } else if (dot > 0) {
    user = userName.slice(0, dot);
    const id = userName.slice(dot + 1);
    tenant = directory.find(id);
    if (tenant === undefined) throw new TenantNotFound(user, id);
  } else {
    tenant = serverName === undefined ? undefined : directory.findBySni(serverName);
    if (tenant === undefined) throw new NoIdentifier();
  }

  const database = parameters.get("database") || tenant.database;
  if (!isName(user) || !isName(database)) throw new InvalidUserInfo();

  const settings = new Map<string, string>();
  for (const [name, value] of options) if (name !== "reference") settings.set(name, value);
  // Named parameters win over `options`, as in PostgreSQL's process_startup_options.
  for (const [name, value] of parameters) {
    if (!NOT_SETTINGS.has(name) && !name.startsWith("_pq_.")) settings.set(name.toLowerCase(), value);
  }
  return { tenant, user, database, settings };
}

function isName(name: string): boolean {
  return name !== "" && Buffer.byteLength(name) <= MOST_NAME_BYTES && !UNPRINTABLE.test(name);
}
