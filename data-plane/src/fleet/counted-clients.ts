import type { ClientCount } from "../session/index.js";

/** Clients by tenant and user, in this worker. */
export class CountedClients implements ClientCount {
  readonly #counts = new Map<string, number>();

  of(tenant: string, user: string): number {
    return this.#counts.get(`${tenant}\0${user}`) ?? 0;
  }

  add(tenant: string, user: string): void {
    this.#counts.set(`${tenant}\0${user}`, this.of(tenant, user) + 1);
  }

  remove(tenant: string, user: string): void {
    const left = this.of(tenant, user) - 1;
    if (left > 0) this.#counts.set(`${tenant}\0${user}`, left);
    else this.#counts.delete(`${tenant}\0${user}`);
  }
}
