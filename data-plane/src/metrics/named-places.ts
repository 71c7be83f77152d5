/** A pool that is named, or would be. */
export interface Placed {
  readonly tenant: string;
  /** A server was had: whoever made up its database's name did not make up the database. */
  readonly reached: boolean;
}

/** Of the places of a tenant, so many are for pools that never had a server. */
const MOST_UNREACHED = 10;

interface Taken {
  all: number;
  unreached: number;
}

/**
 * Who is shown by name in time series: first come, first served, and no tenant has more than a quarter of the places,
 * since its clients can name any database.
 */
export class NamedPlaces {
  readonly #most: number;
  readonly #byTenant = new Map<string, Taken>();
  #taken = 0;

  constructor(most: number) {
    this.#most = most;
  }

  /** False: there is none for it now. */
  take({ tenant, reached }: Placed): boolean {
    const taken = this.#byTenant.get(tenant) ?? { all: 0, unreached: 0 };
    if (this.#taken >= this.#most || taken.all >= Math.ceil(this.#most / 4)) return false;
    if (!reached && taken.unreached >= MOST_UNREACHED) return false;
    this.#taken += 1;
    taken.all += 1;
    if (!reached) taken.unreached += 1;
    this.#byTenant.set(tenant, taken);
    return true;
  }

  /** One that has a place has its first server. */
  reached(tenant: string): void {
    const taken = this.#byTenant.get(tenant);
    if (taken !== undefined) taken.unreached -= 1;
  }

  free({ tenant, reached }: Placed): void {
    const taken = this.#byTenant.get(tenant);
    if (taken === undefined) return;
    this.#taken -= 1;
    taken.all -= 1;
    if (!reached) taken.unreached -= 1;
    if (taken.all === 0) this.#byTenant.delete(tenant);
  }
}
