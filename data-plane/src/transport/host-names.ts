import { ADDRCONFIG, lookup as getaddrinfo, type LookupAddress, type LookupAllOptions } from "node:dns";
import type { LookupFunction } from "node:net";
import type { Clock } from "@sluice/shared/time";
import { HostName, type LookedUp } from "./host-name.js";

/** How hosts' names are looked up. */
export interface NameLookups {
  /** For a new connection: the last addresses that are known, while no name server answers. */
  readonly lookup: LookupFunction;
  /** As it is now, or an error. */
  readonly lookupNow: LookupFunction;
}

export interface HostNamesOptions {
  readonly clock: Clock;
  /** Lookups that libuv has under way at once: `lookupsAtOnce`. */
  readonly atOnce: number;
  /** Default: the system's, with its hosts file and search domains, which Node's own resolver does not have. */
  readonly getaddrinfo?: (
    host: string,
    options: LookupAllOptions,
    done: (error: NodeJS.ErrnoException | null, addresses: LookupAddress[]) => void,
  ) => void;
}

/** Of names that nobody asks for, those asked for last are remembered. */
const MOST_NAMES = 10_000;

/**
 * The names of servers' hosts. A lookup is a thread that waits for a name server, for up to a minute, and nothing can
 * call it back; there are few, and a tenant may name any host. So each name has one lookup at a time, for all who ask, and
 * those of which no good is known share a part of the threads:
 *
 *   atOnce  |  slow  |     new, slow while it runs     |  quick alone  |
 *              a quarter                                   a quarter
 *
 * A name that is slow waits for its turn in its quarter, whoever has made it slow; one that was always answered at once
 * finds a thread.
 */
export class HostNames implements NameLookups {
  readonly #options: HostNamesOptions;
  readonly #names = new Map<string, HostName>();
  /** In the order in which they were asked for. */
  readonly #waiting = new Set<HostName>();
  readonly #underWay = new Set<HostName>();

  constructor(options: HostNamesOptions) {
    this.#options = options;
  }

  readonly lookup: LookupFunction = (host, options, done) =>
    this.#ask(host, familyFrom(options.family), answerTo(done, options.all === true), true);

  readonly lookupNow: LookupFunction = (host, options, done) =>
    this.#ask(host, familyFrom(options.family), answerTo(done, options.all === true), false);

  #ask(host: string, family: 0 | 4 | 6, answer: LookedUp, takesKnown: boolean): void {
    const name = this.#nameOf(host, family);
    const begins = !name.isWanted;
    name.ask(answer, takesKnown);
    if (!begins) return;
    this.#waiting.add(name);
    this.#next();
  }

  #nameOf(host: string, family: 0 | 4 | 6): HostName {
    const key = `${family} ${host}`;
    const known = this.#names.get(key);
    const name = known ?? new HostName(host, family, this.#options.clock);
    if (known === undefined && this.#names.size >= MOST_NAMES) this.#forgetOne();
    // The last one asked for stands last.
    this.#names.delete(key);
    this.#names.set(key, name);
    return name;
  }

  #forgetOne(): void {
    for (const [key, name] of this.#names) {
      if (name.isWanted) continue;
      this.#names.delete(key);
      return;
    }
  }

  #next(): void {
    for (const name of this.#waiting) {
      if (this.#underWay.size >= this.#options.atOnce) return;
      if (this.#mayBegin(name)) this.#begin(name);
    }
  }

  #mayBegin(name: HostName): boolean {
    const { atOnce } = this.#options;
    const quarter = Math.floor(atOnce / 4);
    const paces = [...this.#underWay].map(({ pace }) => pace);
    const slow = paces.filter((pace) => pace === "slow").length;
    const unproven = paces.filter((pace) => pace !== "quick").length;
    switch (name.pace) {
      case "quick":
        return true;
      case "new":
        return unproven < atOnce - quarter;
      case "slow":
        return slow < Math.max(1, quarter) && unproven < atOnce - quarter;
    }
  }

  #begin(name: HostName): void {
    const { getaddrinfo: lookUp = getaddrinfo } = this.#options;
    const { host, family } = name;
    this.#waiting.delete(name);
    this.#underWay.add(name);
    name.begun();
    // As a socket asks that connects.
    lookUp(host, { all: true, family, hints: family === 0 ? ADDRCONFIG : 0 }, (error, addresses) => {
      this.#underWay.delete(name);
      name.ended(error, error === null ? addresses : []);
      this.#next();
    });
  }
}

/** How many lookups libuv has under way at once, by `UV_THREADPOOL_SIZE` as it reads it: one in two of its threads. */
export function lookupsAtOnce(threadPoolSize: string | undefined): number {
  const threads = threadPoolSize === undefined ? 4 : Number.parseInt(threadPoolSize, 10) || 1;
  return Math.floor((Math.min(Math.max(threads, 1), 1024) + 1) / 2);
}

function familyFrom(family: number | "IPv4" | "IPv6" | undefined): 0 | 4 | 6 {
  if (family === 4 || family === "IPv4") return 4;
  return family === 6 || family === "IPv6" ? 6 : 0;
}

function answerTo(done: Parameters<LookupFunction>[2], all: boolean): LookedUp {
  return (error, addresses) => {
    const [first] = addresses;
    if (error !== null || all || first === undefined) done(error, [...addresses]);
    else done(null, first.address, first.family);
  };
}
