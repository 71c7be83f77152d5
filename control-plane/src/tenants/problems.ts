import { type FieldProblems, TenantInvalid } from "./tenant-failure.js";

/** Collects everything that is wrong, so that a person mends it in one go. */
export class Problems {
  readonly #byField = new Map<string, string[]>();

  /** @param field for instance `users.0.pool_size` */
  add(field: string, problem: string): void {
    const known = this.#byField.get(field);
    if (known === undefined) this.#byField.set(field, [problem]);
    else if (!known.includes(problem)) known.push(problem);
  }

  /** @throws TenantInvalid */
  throwIfAny(): void {
    if (this.#byField.size === 0) return;
    throw new TenantInvalid(Object.fromEntries(this.#byField) satisfies FieldProblems);
  }
}
