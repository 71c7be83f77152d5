import type { LookupAddress } from "node:dns";
import type { Clock, Timer } from "@sluice/shared/time";

export type LookedUp = (error: NodeJS.ErrnoException | null, addresses: readonly LookupAddress[]) => void;

/** How long an answer may take as a rule. Whoever knows older addresses uses those then. */
export const PATIENCE_MS = 1000;
/** For how long addresses are good for that are not confirmed (RFC 8767: what is stale is better than nothing). */
const KNOWN_FOR_MS = 3_600_000;
/** A name that was answered late is taken for one that is answered late again. */
const SLOW_FOR_MS = 300_000;
/** Who wait for one name: more than any number of pools that could have a use for it at once. */
const MOST_ASKERS = 1000;

/** What is to be expected of a lookup. */
export type Pace =
  /** The last one was answered at once. */
  | "quick"
  /** Nobody knows. */
  | "new"
  /** The last one took long, or this one does. */
  | "slow";

interface Asker {
  readonly answer: LookedUp;
  readonly takesKnown: boolean;
  timer: Timer | undefined;
}

/** One name and what is known of it: its addresses, how soon it is answered, and who is waiting to hear. */
export class HostName {
  readonly host: string;
  readonly family: 0 | 4 | 6;
  readonly #clock: Clock;
  readonly #askers = new Set<Asker>();
  #known: { readonly addresses: readonly LookupAddress[]; readonly atMs: number } | undefined;
  #answered: { readonly atMs: number; readonly late: boolean } | undefined;
  #wantedAtMs: number | undefined;
  #begunAtMs: number | undefined;

  constructor(host: string, family: 0 | 4 | 6, clock: Clock) {
    this.host = host;
    this.family = family;
    this.#clock = clock;
  }

  /** A lookup is under way, or waits for its turn. */
  get isWanted(): boolean {
    return this.#wantedAtMs !== undefined;
  }

  get pace(): Pace {
    const nowMs = this.#clock.monotonic();
    if (this.#begunAtMs !== undefined && nowMs - this.#begunAtMs > PATIENCE_MS) return "slow";
    if (this.#answered === undefined) return "new";
    if (!this.#answered.late) return "quick";
    return nowMs - this.#answered.atMs > SLOW_FOR_MS ? "new" : "slow";
  }

  /** @param takesKnown older addresses will do where there is no answer in time */
  ask(answer: LookedUp, takesKnown: boolean): void {
    if (this.#askers.size >= MOST_ASKERS) {
      this.#clock.schedule(0, () => answer(noAnswer(this.host), []));
      return;
    }
    const asker: Asker = { answer, takesKnown, timer: undefined };
    this.#askers.add(asker);
    const nowMs = this.#clock.monotonic();
    this.#wantedAtMs ??= nowMs;
    const patientForMs = Math.max(0, this.#wantedAtMs + PATIENCE_MS - nowMs);
    if (takesKnown && this.#usable !== undefined)
      asker.timer = this.#clock.schedule(patientForMs, () => {
        const addresses = this.#usable;
        if (addresses !== undefined) this.#tell(asker, null, addresses);
      });
  }

  begun(): void {
    this.#begunAtMs = this.#clock.monotonic();
  }

  ended(error: NodeJS.ErrnoException | null, addresses: readonly LookupAddress[]): void {
    const atMs = this.#clock.monotonic();
    this.#answered = { atMs, late: atMs - (this.#begunAtMs ?? atMs) > PATIENCE_MS };
    this.#begunAtMs = undefined;
    this.#wantedAtMs = undefined;
    if (error === null) this.#known = { addresses, atMs };
    // Somebody who knows says that there is no such name (any more).
    else if (error.code === "ENOTFOUND") this.#known = undefined;
    const older = error === null ? undefined : this.#usable;
    for (const asker of [...this.#askers]) {
      if (older !== undefined && asker.takesKnown) this.#tell(asker, null, older);
      else this.#tell(asker, error, addresses);
    }
  }

  get #usable(): readonly LookupAddress[] | undefined {
    if (this.#known === undefined) return undefined;
    return this.#clock.monotonic() - this.#known.atMs > KNOWN_FOR_MS ? undefined : this.#known.addresses;
  }

  #tell(asker: Asker, error: NodeJS.ErrnoException | null, addresses: readonly LookupAddress[]): void {
    if (!this.#askers.delete(asker)) return;
    asker.timer?.cancel();
    asker.answer(error, addresses);
  }
}

const NO_ANSWER = "EAI_AGAIN";

/** As getaddrinfo has it. */
function noAnswer(host: string): NodeJS.ErrnoException {
  return Object.assign(new Error(`getaddrinfo ${NO_ANSWER} ${host}`), { code: NO_ANSWER });
}
