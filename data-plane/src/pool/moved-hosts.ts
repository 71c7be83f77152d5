import { lookup } from "node:dns";
import { isIP } from "node:net";
import type { IpVersion } from "@sluice/shared/tenant";
import { type Clock, Deadline, within } from "@sluice/shared/time";
import { type DialOptions, familyOf, type Upstream } from "../transport/index.js";

/** Whoever has servers at a host. */
export interface Resident {
  readonly upstream: Upstream;
  readonly pool: {
    /** Where its servers are. */
    readonly addresses: ReadonlySet<string>;
    /** Those at these addresses leave as they come back. */
    leave(addresses: ReadonlySet<string>): void;
  };
}

/** How often a host's name is looked up. */
export const LOOK_UP_INTERVAL_MS = 10_000;
const LOOK_UP_TIMEOUT_MS = 5000;
const MOST_AT_ONCE = 4;
/** A name with many addresses may be answered with some of them, others each time. */
const MISSED_TO_BE_GONE = 2;

/**
 * Follows a failover by DNS: servers at an address that their host's name does not have any more are used no longer.
 * New ones need no help, since a name is looked up for each connection.
 */
export class MovedHosts {
  readonly #clock: Clock;
  readonly #dialOptions: DialOptions;
  readonly #residents: () => Iterable<Resident>;
  readonly #left: () => void;
  /** By host and address: how often in a row it was not among those of the name. */
  #missed = new Map<string, number>();

  /** @param left called when servers have been told to leave */
  constructor(clock: Clock, dialOptions: DialOptions, residents: () => Iterable<Resident>, left: () => void) {
    this.#clock = clock;
    this.#dialOptions = dialOptions;
    this.#residents = residents;
    this.#left = left;
  }

  /** Looks up all names of hosts that there are servers at. A name that cannot be looked up says nothing. */
  async look(): Promise<void> {
    const byName = new Map<string, Resident[]>();
    for (const resident of this.#residents()) {
      const { host, ipVersion } = resident.upstream;
      if (isIP(host) !== 0 || resident.pool.addresses.size === 0) continue;
      const name = JSON.stringify([host, ipVersion]);
      byName.set(name, [...(byName.get(name) ?? []), resident]);
    }
    const before = this.#missed;
    this.#missed = new Map();
    const names = [...byName];
    const worker = async (): Promise<void> => {
      for (let next = names.pop(); next !== undefined; next = names.pop())
        await this.#lookAt(...next, before);
    };
    await Promise.all(Array.from({ length: MOST_AT_ONCE }, worker));
  }

  async #lookAt(name: string, residents: readonly Resident[], before: Map<string, number>): Promise<void> {
    const [host, ipVersion] = JSON.parse(name) as [string, IpVersion];
    let found: ReadonlySet<string>;
    try {
      const deadline = Deadline.after(this.#clock, LOOK_UP_TIMEOUT_MS);
      found = new Set(await within(deadline, "a host's name", this.#addressesOf(host, ipVersion)));
    } catch {
      return;
    }
    const gone = new Set<string>();
    for (const address of new Set(residents.flatMap(({ pool }) => [...pool.addresses]))) {
      if (found.has(address)) continue;
      const key = `${name} ${address}`;
      const missed = (before.get(key) ?? 0) + 1;
      this.#missed.set(key, missed);
      if (missed >= MISSED_TO_BE_GONE) gone.add(address);
    }
    if (gone.size === 0) return;
    for (const { pool } of residents) pool.leave(gone);
    this.#left();
  }

  #addressesOf(host: string, ipVersion: IpVersion): Promise<readonly string[]> {
    return new Promise((resolve, reject) => {
      (this.#dialOptions.names?.lookupNow ?? lookup)(
        host,
        { all: true, family: familyOf(ipVersion) },
        (error, addresses) => {
          if (error !== null) reject(error);
          else if (typeof addresses === "string") resolve([addresses]);
          else resolve(addresses.map(({ address }) => address));
        },
      );
    });
  }
}
