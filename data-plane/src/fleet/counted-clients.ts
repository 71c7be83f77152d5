import type { ClientCount } from "../session/index.js";

/** In this worker. */
export class CountedClients implements ClientCount {
  readonly #counts = new Map<string, number>();

  of(tenant: string, user: string | undefined): number {
    return this.#counts.get(keyOf(tenant, user)) ?? 0;
  }

  add(tenant: string, user: string | undefined): void {
    this.#counts.set(keyOf(tenant, user), this.of(tenant, user) + 1);
  }

  remove(tenant: string, user: string | undefined): void {
    const left = this.of(tenant, user) - 1;
    if (left > 0) this.#counts.set(keyOf(tenant, user), left);
    else this.#counts.delete(keyOf(tenant, user));
  }
}

/** No user name is empty. */
function keyOf(tenant: string, user: string | undefined): string {
  return `${tenant}\0${user ?? ""}`;
}
