import type { Deadline } from "@sluice/shared/time";
import { Api, type ApiOptions } from "./api.js";
import { Fleet } from "./fleet.js";
import type { Pooler } from "./pooler.js";
import type { ClusterRecord, TenantRecord, UserRecord } from "./records.js";
import { Renewals } from "./renewals.js";
import { type Condition, headersOf, type Stored, stored, Things } from "./things.js";
import { Turns } from "./turns.js";

/** The control plane, as the resources see it. */
export class Sluice {
  readonly api: Api;
  readonly tenants: Things<TenantRecord>;
  readonly users: Things<UserRecord>;
  readonly clusters: Things<ClusterRecord>;
  readonly fleet: Fleet;
  /** Of changes of one tenant, by its path. */
  readonly turns = new Turns();
  readonly renewals = new Renewals();
  /** Undefined where nobody has said where the data planes are. */
  readonly pooler: Pooler | undefined;
  readonly #interruption: AbortController;

  constructor(options: Omit<ApiOptions, "interrupted">, pooler: Pooler | undefined) {
    this.#interruption = new AbortController();
    const api = new Api({ ...options, interrupted: this.#interruption.signal });
    this.api = api;
    this.tenants = new Things(api, "tenant");
    this.users = new Things(api, "user");
    this.clusters = new Things(api, "cluster");
    this.fleet = new Fleet(api);
    this.pooler = pooler;
  }

  /** Ends all waiting: for data planes, and for another try. What is under way is finished. */
  interrupt(): void {
    this.#interruption.abort();
  }

  /** Bans a tenant, or lifts its ban. */
  async patchTenant(
    path: string,
    body: unknown,
    condition: Condition,
    deadline: Deadline,
  ): Promise<Stored<TenantRecord>> {
    const headers = headersOf(condition);
    return stored(
      await this.api.send<{ readonly data: TenantRecord }>({
        method: "PATCH",
        path,
        body,
        headers,
        deadline,
      }),
    );
  }
}
