import type { MemberType } from "@sluice/shared/tenant";
import type { Cluster } from "./cluster.js";
import type { Tenant } from "./tenant.js";

export interface DirectoryListener {
  /** The tenant has a new content. `before` is undefined for a new one. */
  tenantChanged(tenant: Tenant, before: Tenant | undefined): void;
  tenantRemoved(tenant: Tenant): void;
}

/** All tenants of this data plane, in memory. A change is applied whole, in one turn of the event loop. */
export class Directory {
  readonly #byId = new Map<string, Tenant>();
  readonly #bySni = new Map<string, Set<Tenant>>();
  readonly #clusters = new Map<string, Cluster>();
  /** How often a reader of a cluster was asked for. */
  readonly #turns = new Map<string, number>();
  readonly #listeners = new Set<DirectoryListener>();
  #loaded = false;

  /** Whether any state, even an empty one, has been applied. */
  get loaded(): boolean {
    return this.#loaded;
  }

  get size(): number {
    return this.#byId.size;
  }

  find(id: string): Tenant | undefined {
    return this.#byId.get(id);
  }

  /** Those of the exact `sni_hostname`, else the one whose id is the first label. More than one: a mistake. */
  findBySni(serverName: string): readonly Tenant[] {
    const exact = this.#bySni.get(serverName.toLowerCase());
    if (exact !== undefined) return [...exact];
    const label = serverName.split(".", 1)[0] ?? "";
    const tenant = this.#byId.get(label) ?? this.#byId.get(label.toLowerCase());
    return tenant === undefined ? [] : [tenant];
  }

  /**
   * The tenant that a cluster's alias stands for now: its first active writer, else its first active reader; for `read`
   * its active readers in turn, else the writer.
   */
  memberOf(alias: string, wanted: MemberType): Tenant | undefined {
    const cluster = this.#clusters.get(alias);
    if (cluster?.active !== true) return undefined;
    const active = (type: MemberType): Tenant[] =>
      cluster.members.flatMap((member) =>
        member.active && member.type === type ? (this.#byId.get(member.tenant) ?? []) : [],
      );
    const [readers, writers] = [active("read"), active("write")];
    if (wanted === "write" || readers.length === 0) return writers[0] ?? readers[0];
    const turn = this.#turns.get(alias) ?? 0;
    this.#turns.set(alias, (turn + 1) % readers.length);
    return readers[turn % readers.length];
  }

  /** Nobody listens to clusters: they are looked at when a client logs in. */
  applyClusters(upsert: readonly Cluster[], remove: readonly string[]): void {
    for (const alias of remove) {
      this.#clusters.delete(alias);
      this.#turns.delete(alias);
    }
    for (const cluster of upsert) this.#clusters.set(cluster.alias, cluster);
  }

  apply(upsert: readonly Tenant[], remove: readonly string[]): void {
    this.#loaded = true;
    const told: (() => void)[] = [];
    for (const id of remove) {
      const tenant = this.#byId.get(id);
      if (tenant === undefined) continue;
      this.#byId.delete(id);
      this.#forgetSni(tenant);
      told.push(() => this.#tell((listener) => listener.tenantRemoved(tenant)));
    }
    for (const tenant of upsert) {
      const before = this.#byId.get(tenant.id);
      if (before !== undefined) this.#forgetSni(before);
      this.#byId.set(tenant.id, tenant);
      this.#rememberSni(tenant);
      told.push(() => this.#tell((listener) => listener.tenantChanged(tenant, before)));
    }
    // Listeners see the whole change, never a half.
    for (const tell of told) tell();
  }

  listen(listener: DirectoryListener): void {
    this.#listeners.add(listener);
  }

  #rememberSni(tenant: Tenant): void {
    if (tenant.sniHostname === undefined) return;
    const named = this.#bySni.get(tenant.sniHostname);
    if (named === undefined) this.#bySni.set(tenant.sniHostname, new Set([tenant]));
    else named.add(tenant);
  }

  #forgetSni(tenant: Tenant): void {
    if (tenant.sniHostname === undefined) return;
    const named = this.#bySni.get(tenant.sniHostname);
    named?.delete(tenant);
    if (named?.size === 0) this.#bySni.delete(tenant.sniHostname);
  }

  #tell(tell: (listener: DirectoryListener) => void): void {
    for (const listener of this.#listeners) tell(listener);
  }
}
