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
  readonly #bySni = new Map<string, Tenant>();
  readonly #clusters = new Map<string, Cluster>();
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

  /** The exact `sni_hostname`, else a first label that is a tenant's id. */
  findBySni(serverName: string): Tenant | undefined {
    const name = serverName.toLowerCase();
    return this.#bySni.get(name) ?? this.#byId.get(name.split(".", 1)[0] ?? "");
  }

  findCluster(alias: string): Cluster | undefined {
    return this.#clusters.get(alias);
  }

  /** Nobody listens to clusters: they are looked at when a client logs in. */
  applyClusters(upsert: readonly Cluster[], remove: readonly string[]): void {
    for (const alias of remove) this.#clusters.delete(alias);
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
      if (tenant.sniHostname !== undefined) this.#bySni.set(tenant.sniHostname, tenant);
      told.push(() => this.#tell((listener) => listener.tenantChanged(tenant, before)));
    }
    // Listeners see the whole change, never a half.
    for (const tell of told) tell();
  }

  listen(listener: DirectoryListener): void {
    this.#listeners.add(listener);
  }

  #forgetSni(tenant: Tenant): void {
    if (tenant.sniHostname !== undefined && this.#bySni.get(tenant.sniHostname) === tenant) {
      this.#bySni.delete(tenant.sniHostname);
    }
  }

  #tell(tell: (listener: DirectoryListener) => void): void {
    for (const listener of this.#listeners) tell(listener);
  }
}
