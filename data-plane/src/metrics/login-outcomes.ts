/** Tenant and outcome: `ok`, or the code of the refusal. No tenant: none was found. */
export type LoginOutcome = readonly [tenant: string, outcome: string];

/** More pairs than these are counted without their tenant. */
const MOST_PAIRS = 20_000;

/** How logins ended, since the start. Names that a stranger made up are no tenant. */
export class LoginOutcomes {
  readonly #counts = new Map<string, number>();
  readonly #changed = new Set<string>();

  count(tenant: string | undefined, outcome: string): void {
    let key = JSON.stringify([tenant ?? "", outcome]);
    if (!this.#counts.has(key) && this.#counts.size >= MOST_PAIRS) key = JSON.stringify(["", outcome]);
    this.#counts.set(key, (this.#counts.get(key) ?? 0) + 1);
    this.#changed.add(key);
  }

  takeChanges(): ReadonlyMap<string, number> {
    const changes = new Map([...this.#changed].map((key) => [key, this.#counts.get(key) ?? 0]));
    this.#changed.clear();
    return changes;
  }
}

export function loginOutcomeOf(key: string): LoginOutcome {
  return JSON.parse(key) as [string, string];
}
