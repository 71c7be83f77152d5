/**
 * Which tenants the plan under way makes anew under their names: those that are in state and are planned to be made, since
 * Terraform plans a replacement, and what is tainted, as a creation. What is a tenant's goes with it, though nothing that
 * refers to its name can see a difference. Terraform plans a tenant before what refers to it, and each run of it has a
 * `Sluice` of its own.
 */
export class Renewals {
  readonly #inState = new Set<string>();
  readonly #renewed = new Set<string>();

  /** The tenant of this name was read from state. */
  hold(name: string): void {
    this.#inState.add(name);
  }

  /** One is planned to be made. */
  plan(name: string): void {
    if (this.#inState.has(name)) this.#renewed.add(name);
  }

  has(name: unknown): boolean {
    return typeof name === "string" && this.#renewed.has(name);
  }
}
