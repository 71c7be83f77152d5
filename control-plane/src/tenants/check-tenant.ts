import { isIP } from "node:net";
import { isRegion } from "@sluice/shared/bundle";
import { LIMITS } from "@sluice/shared/tenant";
import { certificateProblems } from "./certificate-bundle.js";
import { parseCidr } from "./cidr.js";
import type { WantedTenant, WantedUser } from "./merge-tenant.js";
import type { Problems } from "./problems.js";
import type { Tenant } from "./tenant.js";

/** What the OpenAPI document cannot say: several fields together, and what is inside a text. */
export function checkTenant(
  wanted: WantedTenant,
  stored: Tenant | undefined,
  nowMs: number,
  problems: Problems,
): void {
  checkDatabase(wanted, problems);
  checkTls(wanted, problems);
  // Not of one that is there already: it must not keep other fields from being changed once it has expired.
  if (wanted.upstreamTlsCa !== null && wanted.upstreamTlsCa !== stored?.upstreamTlsCa) {
    for (const problem of certificateProblems(wanted.upstreamTlsCa, nowMs)) {
      problems.add("upstream_tls_ca", problem);
    }
  }
  checkRegions(wanted.regions, problems);
  checkJit(wanted, problems);
  wanted.allowList.forEach((range, index) => {
    if (parseCidr(range) === undefined) {
      problems.add(`allow_list.${index}`, "must be an address range such as 10.0.0.0/8 or 2001:db8::/32");
    }
  });
  if (wanted.users === undefined) {
    if (stored === undefined) problems.add("users", "can't be blank");
  } else checkUsers(wanted.users, stored, problems);
  checkAuthentication(wanted, wanted.users ?? stored?.users ?? [], problems);
}

const LABEL = /^[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?$/;

function isHost(text: string): boolean {
  if (isIP(text) !== 0) return true;
  const name = text.endsWith(".") ? text.slice(0, -1) : text;
  return name.length <= LIMITS.hostBytes && name.split(".").every((label) => LABEL.test(label));
}

function checkDatabase(wanted: WantedTenant, problems: Problems): void {
  if (wanted.dbHost === "") problems.add("db_host", "can't be blank");
  else if (!isHost(wanted.dbHost)) {
    problems.add("db_host", "must be a host name or an IP address, without a port and without a scheme");
  }
  if (wanted.dbPort === 0) problems.add("db_port", "can't be blank");
  if (wanted.dbDatabase === "") problems.add("db_database", "can't be blank");
  if (CONTROL.test(wanted.dbDatabase) && !wanted.dbDatabase.includes("\0")) {
    problems.add("db_database", "must not hold control characters");
  }
  checkBytes("db_database", wanted.dbDatabase, LIMITS.nameBytes, problems);
  if (wanted.sniHostname !== null && !isHost(wanted.sniHostname)) {
    problems.add("sni_hostname", "must be a host name");
  }
}

function checkTls(wanted: WantedTenant, problems: Problems): void {
  const { upstreamSsl, upstreamVerify, upstreamTlsName } = wanted;
  if (upstreamVerify !== null && !upstreamSsl) {
    problems.add(
      "upstream_verify",
      `${JSON.stringify(upstreamVerify)} needs upstream_ssl: true; without TLS it must be null`,
    );
  }
  if (upstreamTlsName !== null && !isHost(upstreamTlsName)) {
    problems.add("upstream_tls_name", "must be a host name or an IP address");
  }
}

/** An empty list would be a tenant that no data plane has: surely a mistake. */
function checkRegions(regions: readonly string[] | null, problems: Problems): void {
  if (regions === null) return;
  if (regions.length === 0) {
    problems.add("regions", "must name a region, or be null for every region");
  }
  regions.forEach((region, index) => {
    if (!isRegion(region)) {
      problems.add(`regions.${index}`, 'must be a region: letters, digits, ".", "_" and "-", at most 63');
    } else if (regions.indexOf(region) < index) {
      problems.add(`regions.${index}`, `is the same as regions.${regions.indexOf(region)}`);
    }
  });
}

function checkJit({ useJit, jitApiUrl }: WantedTenant, problems: Problems): void {
  if (jitApiUrl === null) {
    if (useJit) problems.add("jit_api_url", "can't be blank while use_jit is true");
  } else if (!URL.canParse(jitApiUrl) || !/^https?:$/.test(new URL(jitApiUrl).protocol)) {
    problems.add("jit_api_url", "must be an http or https URL");
  }
}

function checkUsers(users: readonly WantedUser[], stored: Tenant | undefined, problems: Problems): void {
  const firstAt = new Map<string, number>();
  users.forEach((user, index) => {
    const first = firstAt.get(user.dbUser);
    if (first === undefined) firstAt.set(user.dbUser, index);
    else problems.add(`users.${index}.db_user`, `is the same as users.${first}.db_user`);
    checkBytes(`users.${index}.db_user`, user.dbUser, LIMITS.nameBytes, problems);
    if (MEANS_CLUSTER.test(user.dbUser)) {
      problems.add(
        `users.${index}.db_user`,
        'must not hold ".cluster." nor end with ".cluster": with the tenant behind it, it would mean a cluster',
      );
    }
    if (CONTROL.test(user.dbUser) && !user.dbUser.includes("\0")) {
      problems.add(`users.${index}.db_user`, "must not hold control characters");
    }
    if (user.dbUserAlias !== user.dbUser) {
      checkBytes(`users.${index}.db_user_alias`, user.dbUserAlias, LIMITS.nameBytes, problems);
    }
    if (user.dbPassword !== undefined) {
      checkBytes(`users.${index}.db_password`, user.dbPassword, LIMITS.passwordBytes, problems);
    } else if (stored?.users.some(({ dbUser }) => dbUser === user.dbUser) !== true) {
      problems.add(`users.${index}.db_password`, "can't be blank: this user has no stored password");
    }
  });
  if (users.length > LIMITS.users) problems.add("users", `must have at most ${LIMITS.users} items`);
  checkAllPasswords(users, stored, problems);
  const [first, ...others] = users.flatMap((user, index) => (user.isManager ? [index] : []));
  for (const index of others) {
    problems.add(`users.${index}.is_manager`, `a tenant has one manager, and users.${first} is one`);
  }
}

function checkAllPasswords(
  users: readonly WantedUser[],
  stored: Tenant | undefined,
  problems: Problems,
): void {
  const known = new Map(stored?.users.map(({ dbUser, dbPassword }) => [dbUser, dbPassword]));
  const bytes = users.reduce(
    (sum, { dbUser, dbPassword }) => sum + Buffer.byteLength(dbPassword ?? known.get(dbUser) ?? ""),
    0,
  );
  if (bytes > LIMITS.allPasswordsBytes) {
    problems.add("users", `must have passwords of at most ${LIMITS.allPasswordsBytes} bytes together`);
  }
}

/** Such a name and `.tenant` read as `user.cluster.alias`. */
const MEANS_CLUSTER = /\.cluster(\.|$)/;
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is refused
const CONTROL = /[\u0000-\u001f\u007f]/;

/** With require_user: false the database is asked, by auth_query, as the manager. */
function checkAuthentication(
  wanted: WantedTenant,
  users: readonly { readonly isManager: boolean }[],
  problems: Problems,
): void {
  const { authQuery, requireUser } = wanted;
  if (authQuery !== null) {
    checkBytes("auth_query", authQuery, LIMITS.authQueryBytes, problems);
    if (!/\$1(?!\d)/.test(authQuery)) {
      problems.add("auth_query", "must hold $1, which stands for the name of the user who logs in");
    }
  }
  if (requireUser) return;
  if (authQuery === null) problems.add("auth_query", "can't be blank while require_user is false");
  if (wanted.users === undefined && users.length === 0) return;
  if (users.length !== 1) {
    problems.add("users", "must be exactly one user, the manager, while require_user is false");
  } else if (users[0]?.isManager !== true) {
    problems.add("users.0.is_manager", "must be true while require_user is false");
  }
}

function checkBytes(field: string, text: string, most: number, problems: Problems): void {
  const bytes = Buffer.byteLength(text);
  if (bytes > most) problems.add(field, `must have at most ${most} bytes in UTF-8, not ${bytes}`);
}
