import { isDeepStrictEqual } from "node:util";
import { type Difference, differenceOf } from "../audit/index.js";
import { type ChangeRequest, checkPrecondition, type Precondition } from "../tenants/index.js";
import type { Cluster, StoredCluster } from "./cluster.js";
import { ClusterUnknown } from "./cluster-failure.js";
import type { ClusterInput } from "./cluster-input.js";
import type { ClusterChange, ClusterStore } from "./cluster-store.js";
import { mergeCluster } from "./merge-cluster.js";
import { publicFields } from "./public-fields.js";

export interface ClusterPage {
  readonly clusters: readonly StoredCluster[];
  readonly nextAfter: string | null;
}

/** What operators do with clusters. */
export class ClusterService {
  readonly #store: ClusterStore;

  constructor(store: ClusterStore) {
    this.#store = store;
  }

  /** @throws ClusterUnknown */
  async get(alias: string): Promise<StoredCluster> {
    const cluster = await this.#store.find(alias);
    if (cluster === undefined) throw new ClusterUnknown(alias);
    return cluster;
  }

  /** Ordered by alias. */
  async list(after: string | undefined, limit: number): Promise<ClusterPage> {
    const found = await this.#store.list(after, limit + 1);
    const clusters = found.slice(0, limit);
    return { clusters, nextAfter: found.length > limit ? (clusters.at(-1)?.alias ?? null) : null };
  }

  /** Creates or merges. @throws TenantInvalid, PreconditionFailed */
  put(alias: string, input: ClusterInput, { actor, precondition }: ChangeRequest): Promise<ClusterChange> {
    return this.#store.change(alias, actor, (stored) => {
      checkPrecondition(precondition, stored);
      return wantedChange(alias, input, stored);
    });
  }

  /** What `put` would do, without doing it. */
  async preview(
    alias: string,
    input: ClusterInput,
    precondition: Precondition,
  ): Promise<{ cluster: Cluster; outcome: ClusterChange["outcome"]; difference: Difference }> {
    const stored = await this.#store.find(alias);
    checkPrecondition(precondition, stored);
    const wanted = wantedChange(alias, input, stored);
    if (wanted === undefined) {
      return { cluster: stored ?? (await this.get(alias)), outcome: "unchanged", difference: {} };
    }
    await this.#store.checkNames(wanted);
    return {
      cluster: wanted,
      outcome: stored === undefined ? "created" : "updated",
      difference: differenceOf(stored && publicFields(stored), publicFields(wanted)),
    };
  }

  /** Its tenants stay. @throws ClusterUnknown, PreconditionFailed */
  async remove(alias: string, { actor, precondition }: ChangeRequest): Promise<void> {
    const check = (stored: StoredCluster): void => checkPrecondition(precondition, stored);
    if (!(await this.#store.remove(alias, actor, check))) throw new ClusterUnknown(alias);
  }
}

/** Undefined: it is as it should be. */
function wantedChange(
  alias: string,
  input: ClusterInput,
  stored: StoredCluster | undefined,
): Cluster | undefined {
  const wanted = mergeCluster(alias, input, stored);
  const same = stored !== undefined && isDeepStrictEqual(publicFields(stored), publicFields(wanted));
  return same ? undefined : wanted;
}
