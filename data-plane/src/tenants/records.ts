import type { VerifiedBytes } from "@sluice/shared/bundle";
import { type Cluster, parseCluster } from "./cluster.js";
import type { Directory } from "./directory.js";
import { parseTenant } from "./parse-tenant.js";

/** The prefixes of record ids. */
const TENANT = "tenant/";
const CLUSTER = "cluster/";

export interface RecordChange {
  readonly scope: string;
  readonly dataKeys: ReadonlyMap<string, Uint8Array>;
  readonly upsert: ReadonlyMap<string, VerifiedBytes>;
  readonly remove: readonly string[];
}

/** Whether a record can be used. @throws Error that says why not */
export function examineRecord(
  id: string,
  body: VerifiedBytes,
  scope: string,
  dataKeys: ReadonlyMap<string, Uint8Array>,
): void {
  if (id.startsWith(TENANT)) {
    const tenant = parseTenant(body, scope, dataKeys, "opened");
    if (id !== TENANT + tenant.id) throw new Error("the record's id is not its tenant's");
  } else if (id.startsWith(CLUSTER)) {
    const cluster = parseCluster(body);
    if (id !== CLUSTER + cluster.alias) throw new Error("the record's id is not its cluster's");
  } else throw new Error("a record of an unknown kind");
}

/**
 * Records that were examined, as one change of the directory. Each tenant is parsed when it is asked for: of many
 * tenants few are used.
 */
export function keepRecords(directory: Directory, change: RecordChange): void {
  const { scope, dataKeys } = change;
  const tenants = new Map<string, VerifiedBytes>();
  const clusters: Cluster[] = [];
  for (const [id, body] of change.upsert) {
    if (id.startsWith(CLUSTER)) clusters.push(parseCluster(body));
    else tenants.set(id.slice(TENANT.length), body);
  }
  directory.applyClusters(clusters, idsBehind(CLUSTER, change.remove));
  directory.keep(tenants, idsBehind(TENANT, change.remove), (body) =>
    parseTenant(body, scope, dataKeys, "sealed"),
  );
}

function idsBehind(prefix: string, ids: readonly string[]): string[] {
  return ids.filter((id) => id.startsWith(prefix)).map((id) => id.slice(prefix.length));
}
