import { isRegion } from "@sluice/shared/bundle";
import { LIMITS } from "@sluice/shared/tenant";
import { certificateProblems } from "./certificate-bundle.js";
import { checkBytes, checkName } from "./check-names.js";
import { checkUsers } from "./check-users.js";
import { parseCidr } from "./cidr.js";
import { isHost, isHostName } from "./host-name.js";
import type { WantedTenant } from "./merge-tenant.js";
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

function checkDatabase(wanted: WantedTenant, problems: Problems): void {
  if (wanted.dbHost === "") problems.add("db_host", "can't be blank");
  else if (!isHost(wanted.dbHost)) {
    problems.add("db_host", "must be a host name or an IP address, without a port and without a scheme");
  }
  if (wanted.dbPort === 0) problems.add("db_port", "can't be blank");
  if (wanted.dbDatabase === "") problems.add("db_database", "can't be blank");
  checkName("db_database", wanted.dbDatabase, problems);
  // RFC 6066 section 3: no address and no dot at the end; no client could ask for such a name.
  if (wanted.sniHostname !== null && (!isHostName(wanted.sniHostname) || wanted.sniHostname.endsWith("."))) {
    problems.add("sni_hostname", "must be a host name: no address, and no dot at the end");
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
    return;
  }
  const url = URL.canParse(jitApiUrl) ? new URL(jitApiUrl) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol)) {
    problems.add("jit_api_url", "must be an http or https URL");
  } else if (url.username !== "" || url.password !== "") {
    problems.add(
      "jit_api_url",
      "must not hold a user's name or password: it is shown to whoever reads the tenant",
    );
  }
}

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
