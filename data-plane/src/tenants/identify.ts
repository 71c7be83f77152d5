import type { MemberType } from "@sluice/shared/tenant";
import type { Directory } from "./directory.js";
import { InvalidUserInfo, MultipleUsers, NoIdentifier, TenantNotFound } from "./identification-failure.js";
import { parseStartupOptions } from "./startup-options.js";
import type { Tenant } from "./tenant.js";

const MOST_NAME_BYTES = 63;
/** A user, `.cluster.` and the longest id. */
const MOST_USER_NAME_BYTES = MOST_NAME_BYTES + 9 + 255;
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is refused
const UNPRINTABLE = /[\u0000-\u001f\u007f-\u009f\ufffd]/;
const CLUSTER = ".cluster.";

/** Who a client is and whose database it wants. */
export interface Identity {
  readonly tenant: Tenant;
  /** The role in the tenant's database, without the tenant's suffix. */
  readonly user: string;
  readonly database: string;
  /** Parameters that belong to the session, in the order given, those inside `options` included. */
  readonly settings: ReadonlyMap<string, string>;
  /** The password will be a token, which the tenant's `jit_api_url` judges. */
  readonly token: boolean;
}

/** Parameters of the startup packet that are not settings. */
const NOT_SETTINGS: ReadonlySet<string> = new Set(["user", "database", "options", "replication"]);
/** Words of `options` that are ours. */
const OURS: ReadonlySet<string> = new Set(["reference", "type"]);

/**
 * `options` reference, then `user.cluster.<alias>`, then the user name's suffix behind its last dot, then TLS SNI
 * (wire.md, "Who is meant").
 * @throws InvalidUserInfo, NoIdentifier, TenantNotFound, MultipleUsers
 */
export function identify(
  parameters: ReadonlyMap<string, string>,
  serverName: string | undefined,
  directory: Directory,
): Identity {
  const userName = parameters.get("user") ?? "";
  if (!isName(userName, MOST_USER_NAME_BYTES)) throw new InvalidUserInfo();
  const options = parseStartupOptions(parameters.get("options") ?? "");
  const { tenant, user } = meant(userName, options, serverName, directory);

  const database = parameters.get("database") || tenant.database;
  if (!isName(user, MOST_NAME_BYTES) || !isName(database, MOST_NAME_BYTES)) throw new InvalidUserInfo();

  // Elsewhere `jit` is PostgreSQL's own parameter.
  const token = tenant.jitApiUrl !== undefined && options.get("jit") === "true";
  const settings = new Map<string, string>();
  for (const [name, value] of options) {
    if (!OURS.has(name) && !(token && name === "jit")) settings.set(name, value);
  }
  // Named parameters win over `options`, as in PostgreSQL's process_startup_options.
  for (const [name, value] of parameters) {
    if (!NOT_SETTINGS.has(name) && !name.startsWith("_pq_.")) settings.set(name.toLowerCase(), value);
  }
  return { tenant, user, database, settings, token };
}

interface Meant {
  readonly tenant: Tenant;
  readonly user: string;
}

function meant(
  userName: string,
  options: ReadonlyMap<string, string>,
  serverName: string | undefined,
  directory: Directory,
): Meant {
  const wanted: MemberType = options.get("type") === "read" ? "read" : "write";
  const found = (user: string, id: string, tenant: Tenant | undefined): Meant => {
    if (tenant === undefined) throw new TenantNotFound(user, id);
    return { tenant, user };
  };

  const reference = options.get("reference");
  if (reference !== undefined) {
    if (!isName(reference, MOST_USER_NAME_BYTES)) throw new InvalidUserInfo();
    const tenant = directory.find(reference) ?? directory.memberOf(reference, wanted);
    return found(userName, reference, tenant);
  }
  const cluster = userName.lastIndexOf(CLUSTER);
  if (cluster > 0) {
    const alias = userName.slice(cluster + CLUSTER.length);
    return found(userName.slice(0, cluster), alias, directory.memberOf(alias, wanted));
  }
  const dot = userName.lastIndexOf(".");
  if (dot > 0) {
    const id = userName.slice(dot + 1);
    return found(userName.slice(0, dot), id, directory.find(id));
  }
  const [tenant, ...others] = serverName === undefined ? [] : directory.findBySni(serverName);
  if (tenant === undefined) throw new NoIdentifier();
  if (others.length > 0) throw new MultipleUsers(userName, serverName ?? "");
  return { tenant, user: userName };
}

function isName(name: string, mostBytes: number): boolean {
  return name !== "" && Buffer.byteLength(name) <= mostBytes && !UNPRINTABLE.test(name);
}
