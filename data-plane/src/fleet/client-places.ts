import type { Clock } from "@sluice/shared/time";

export interface ClientPlacesOptions {
  readonly clock: Clock;
  readonly giveBack: (tenant: string, countedAs: string | undefined, count: number) => void;
}

/** How long a place is kept for the next client. */
const KEPT_MS = 1000;

interface Kept {
  readonly tenant: string;
  readonly countedAs: string | undefined;
  free: number;
  /** The fewest that were free since the last look: so many nobody has needed. */
  least: number;
}

/**
 * Places for clients that this worker has and nobody sits in, by whose limit they count under. While a limit is far away
 * a place stays here when its client leaves, so that the next login costs the primary nothing. Near the limit the primary
 * says so, and from then on every place is its own again.
 */
export class ClientPlaces {
  readonly #options: ClientPlacesOptions;
  readonly #kept = new Map<string, Kept>();
  #looking = false;

  constructor(options: ClientPlacesOptions) {
    this.#options = options;
  }

  /** The limit is far away; so many places more than were asked for came along. */
  roomy(tenant: string, countedAs: string | undefined, ahead: number): void {
    const key = keyOf(tenant, countedAs);
    const kept = this.#kept.get(key);
    if (kept === undefined) this.#kept.set(key, { tenant, countedAs, free: ahead, least: 0 });
    else kept.free += ahead;
    this.#look();
  }

  /** The limit is near. */
  tight(tenant: string, countedAs: string | undefined): void {
    const key = keyOf(tenant, countedAs);
    const kept = this.#kept.get(key);
    if (kept === undefined) return;
    this.#kept.delete(key);
    if (kept.free > 0) this.#options.giveBack(tenant, countedAs, kept.free);
  }

  tryTake(tenant: string, countedAs: string | undefined): boolean {
    const kept = this.#kept.get(keyOf(tenant, countedAs));
    if (kept === undefined || kept.free === 0) return false;
    kept.free -= 1;
    if (kept.free < kept.least) kept.least = kept.free;
    return true;
  }

  left(tenant: string, countedAs: string | undefined): void {
    const kept = this.#kept.get(keyOf(tenant, countedAs));
    if (kept === undefined) this.#options.giveBack(tenant, countedAs, 1);
    else kept.free += 1;
  }

  #look(): void {
    if (this.#looking) return;
    this.#looking = true;
    this.#options.clock.schedule(KEPT_MS, () => {
      this.#looking = false;
      for (const [key, kept] of this.#kept) {
        const { tenant, countedAs, least } = kept;
        if (least > 0) this.#options.giveBack(tenant, countedAs, least);
        kept.free -= least;
        // None came or went in between.
        if (kept.free === 0) this.#kept.delete(key);
        kept.least = kept.free;
      }
      if (this.#kept.size > 0) this.#look();
    });
  }
}

function keyOf(tenant: string, countedAs: string | undefined): string {
  return `${tenant}\0${countedAs ?? ""}`;
}
