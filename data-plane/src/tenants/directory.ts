import { serverNameOf, type VerifiedBytes } from "@sluice/shared/bundle";
import type { MemberType } from "@sluice/shared/tenant";
import type { Cluster } from "./cluster.js";
import { RecordStore } from "./record-store.js";
import type { Tenant } from "./tenant.js";

export interface DirectoryListener {
  /** The tenant has a new content. `before` is undefined for a new one. */
  tenantChanged(tenant: Tenant, before: Tenant | undefined): void;
  tenantRemoved(tenant: Tenant): void;
}

export interface DirectoryOptions {
  /**
   * Whether listeners hear of changes of every tenant, and not only of those that were asked for: an order counts also
   * for a tenant that nobody has used yet. Of tenants that are new they hear in neither case.
   */
  readonly tellsOfAll?: boolean;
  /** A record, which has been examined, cannot be parsed all the same: nobody else may suffer. Told once for each. */
  readonly unusable?: (id: string, error: unknown) => void;
}

/** Makes a tenant of its record. */
export type ParseRecord = (body: VerifiedBytes) => Tenant;

/**
 * All tenants of this data plane, in memory. A change is applied whole, in one turn of the event loop.
 *
 * Tenants are kept as records: most of them are never asked for, so a record is parsed when it is. Listeners then hear
 * of the tenant as of a new one, and of changes from there on.
 */
export class Directory {
  readonly #options: DirectoryOptions;
  readonly #records = new RecordStore();
  /** Of the records, those that were asked for. */
  readonly #parsed = new Map<string, Tenant>();
  /** Asked for since the last `forgetUnused`. */
  readonly #recent = new Set<string>();
  #parse: ParseRecord | undefined;
  /** Ids by `sni_hostname`. */
  readonly #bySni = new Map<string, Set<string>>();
  readonly #clusters = new Map<string, Cluster>();
  /** How often a reader of a cluster was asked for. */
  readonly #turns = new Map<string, number>();
  readonly #listeners = new Set<DirectoryListener>();
  #isUsable: (tenant: Tenant) => boolean = () => true;
  #loaded = false;
  readonly #unusable = new Set<string>();

  constructor(options: DirectoryOptions = {}) {
    this.#options = options;
  }

  /** Whether any state, even an empty one, has been applied. */
  get loaded(): boolean {
    return this.#loaded;
  }

  get size(): number {
    return this.#records.size;
  }

  /** Those that nobody has asked for are parsed for this only, and nobody hears of them. */
  *tenants(): Generator<Tenant> {
    for (const id of this.#records.ids()) {
      const tenant = this.#parsed.get(id) ?? this.#parseKept(id);
      if (tenant !== undefined) yield tenant;
    }
  }

  /** @throws when its record cannot be parsed here and nobody is there to be told */
  find(id: string): Tenant | undefined {
    const parsed = this.#parsed.get(id);
    if (parsed !== undefined) {
      this.#recent.add(id);
      return parsed;
    }
    const tenant = this.#parseKept(id);
    if (tenant === undefined) return undefined;
    this.#parsed.set(id, tenant);
    this.#recent.add(id);
    // Whoever hears of all is not told in the middle of asking.
    if (this.#options.tellsOfAll !== true)
      this.#tell((listener) => listener.tenantChanged(tenant, undefined));
    return tenant;
  }

  /** Those of the exact `sni_hostname`, else the one whose id is the first label. More than one: a mistake. */
  findBySni(serverName: string): readonly Tenant[] {
    const exact = this.#bySni.get(serverName.toLowerCase());
    if (exact !== undefined) return [...exact].flatMap((id) => this.find(id) ?? []);
    const label = serverName.split(".", 1)[0] ?? "";
    const tenant = this.find(label) ?? this.find(label.toLowerCase());
    return tenant === undefined ? [] : [tenant];
  }

  /**
   * The tenant that a cluster's alias stands for now: its first active writer, else its first active reader; for `read`
   * its active readers in turn, else the writer. Members that cannot be used are passed over while there are others,
   * but a reader never stands in for a writer that is away.
   */
  memberOf(alias: string, wanted: MemberType): Tenant | undefined {
    const usable = (tenants: readonly Tenant[]): readonly Tenant[] =>
      tenants.filter((each) => this.#isUsable(each));
    const cluster = this.#clusters.get(alias);
    if (cluster?.active !== true) return undefined;
    const active = (type: MemberType): Tenant[] =>
      cluster.members.flatMap((member) =>
        member.active && member.type === type ? (this.find(member.tenant) ?? []) : [],
      );
    const [readers, writers] = [active("read"), active("write")];
    const writer = usable(writers)[0] ?? writers[0];
    if (wanted === "write") return writer ?? usable(readers)[0] ?? readers[0];
    const ready = usable(readers);
    if (ready.length === 0 && writer !== undefined && (readers.length === 0 || this.#isUsable(writer)))
      return writer;
    // Where none can be used, whoever asks is told why by the one whose turn it is.
    const inTurn = ready.length === 0 ? readers : ready;
    const turn = this.#turns.get(alias) ?? 0;
    this.#turns.set(alias, turn + 1);
    return inTurn[turn % Math.max(1, inTurn.length)];
  }

  /** Tells which members of clusters are passed over: for instance those whose database is away. */
  passOver(isUsable: (tenant: Tenant) => boolean): void {
    this.#isUsable = isUsable;
  }

  /** Nobody listens to clusters: they are looked at when a client logs in. */
  applyClusters(upsert: readonly Cluster[], remove: readonly string[]): void {
    for (const alias of remove) {
      this.#clusters.delete(alias);
      this.#turns.delete(alias);
    }
    for (const cluster of upsert) this.#clusters.set(cluster.alias, cluster);
  }

  /** Records by id, which were examined; `parse` reads them from now on, those that were kept before too. */
  keep(upsert: ReadonlyMap<string, VerifiedBytes>, remove: readonly string[], parse: ParseRecord): void {
    this.#loaded = true;
    this.#parse = parse;
    const told: (() => void)[] = [];
    for (const id of remove) {
      const tenant = this.#known(id);
      this.#forgetRecordSni(id);
      this.#records.delete(id);
      this.#unusable.delete(id);
      if (tenant === undefined) continue;
      this.#parsed.delete(id);
      told.push(() => this.#tell((listener) => listener.tenantRemoved(tenant)));
    }
    for (const [id, record] of upsert) {
      const before = this.#known(id);
      this.#forgetRecordSni(id);
      this.#records.set(id, record);
      this.#unusable.delete(id);
      this.#rememberSni(serverNameOf(record).toLowerCase(), id);
      if (before === undefined) continue;
      const tenant = this.#parseKept(id);
      if (tenant === undefined) {
        this.#parsed.delete(id);
        continue;
      }
      if (this.#parsed.has(id)) this.#parsed.set(id, tenant);
      told.push(() => this.#tell((listener) => listener.tenantChanged(tenant, before)));
    }
    // Listeners see the whole change, never a half.
    for (const tell of told) tell();
  }

  /**
   * Parsed tenants that nobody uses, nor has asked for since the last time, are records again, and nobody hears of their
   * changes: strangers may name any tenant. The time in between has to be longer than a login may take.
   */
  forgetUnused(isUsed: (id: string) => boolean): void {
    for (const id of this.#parsed.keys()) {
      if (!this.#recent.has(id) && !isUsed(id)) this.#parsed.delete(id);
    }
    this.#recent.clear();
  }

  listen(listener: DirectoryListener): void {
    this.#listeners.add(listener);
  }

  /** Of whose change or end listeners hear. */
  #known(id: string): Tenant | undefined {
    return this.#parsed.get(id) ?? (this.#options.tellsOfAll === true ? this.#parseKept(id) : undefined);
  }

  #parseKept(id: string): Tenant | undefined {
    const record = this.#records.get(id);
    if (record === undefined || this.#parse === undefined) return undefined;
    try {
      return this.#parse(record);
    } catch (error) {
      const { unusable } = this.#options;
      if (unusable === undefined) throw error;
      if (!this.#unusable.has(id)) unusable(id, error);
      this.#unusable.add(id);
      return undefined;
    }
  }

  #rememberSni(serverName: string | undefined, id: string): void {
    if (serverName === undefined || serverName === "") return;
    const named = this.#bySni.get(serverName);
    if (named === undefined) this.#bySni.set(serverName, new Set([id]));
    else named.add(id);
  }

  #forgetSni(serverName: string | undefined, id: string): void {
    if (serverName === undefined || serverName === "") return;
    const named = this.#bySni.get(serverName);
    named?.delete(id);
    if (named?.size === 0) this.#bySni.delete(serverName);
  }

  #forgetRecordSni(id: string): void {
    const record = this.#records.get(id);
    if (record !== undefined) this.#forgetSni(serverNameOf(record).toLowerCase(), id);
  }

  #tell(tell: (listener: DirectoryListener) => void): void {
    for (const listener of this.#listeners) tell(listener);
  }
}
