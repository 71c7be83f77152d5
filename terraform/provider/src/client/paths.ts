import { problem, Refused } from "../framework/index.js";

export function tenantPath(externalId: string): string {
  return `/api/tenants/${segment(externalId)}`;
}

export function userPath(externalId: string, dbUser: string): string {
  return `${tenantPath(externalId)}/users/${segment(dbUser)}`;
}

export function clusterPath(alias: string): string {
  return `/api/clusters/${segment(alias)}`;
}

/**
 * URLs, and proxies, take `.` and `..` as steps of the path even where they are percent-encoded (URL Standard, "double-dot
 * URL path segment"): what was meant for a user called so would reach its tenant.
 * @throws Refused
 */
function segment(name: string): string {
  if (name !== "" && name !== "." && name !== "..") return encodeURIComponent(name);
  throw new Refused([
    problem(
      "A name that cannot be asked for",
      `Nothing called ${JSON.stringify(name)} has a URL of its own in the API. A user of that name is changed and ` +
        "deleted with the list of its tenant's users; terraform state rm takes it out of the state.",
    ),
  ]);
}
