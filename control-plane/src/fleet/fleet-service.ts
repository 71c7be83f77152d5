import type { Clock } from "@sluice/shared/time";
import type { Actor } from "../audit/index.js";
import { GenerationUnknown, InstanceConnected, InstanceUnknown, KeyNotWaiting } from "./fleet-failure.js";
import type { FleetStore, GenerationProgress, InstanceFilter, ListedInstance } from "./fleet-store.js";
import type { InstanceName } from "./instance.js";
import { isOnline, type Standing, standingOf } from "./instance-standing.js";

export interface ShownInstance extends ListedInstance {
  readonly standing: Standing;
  readonly online: boolean;
}

/** What operators see of the fleet, and do with its data planes. */
export class FleetService {
  readonly #store: FleetStore;
  readonly #epoch: () => bigint;
  readonly #clock: Clock;

  /** @param epoch the one in force */
  constructor(store: FleetStore, epoch: () => bigint, clock: Clock) {
    this.#store = store;
    this.#epoch = epoch;
    this.#clock = clock;
  }

  async list(
    filter: InstanceFilter,
    after: InstanceName | undefined,
    limit: number,
  ): Promise<readonly ShownInstance[]> {
    const listed = await this.#store.list(filter, after, limit, this.#epoch());
    return listed.map((instance) => this.#shown(instance));
  }

  /** @throws InstanceUnknown */
  async get(name: InstanceName): Promise<ShownInstance> {
    const found = await this.#store.find(name, this.#epoch());
    if (found === undefined) throw new InstanceUnknown(name);
    return this.#shown(found);
  }

  /** @throws GenerationUnknown */
  async generation(generation: bigint): Promise<GenerationProgress> {
    const progress = await this.#store.generation(generation, this.#epoch());
    if (progress === undefined) throw new GenerationUnknown(generation);
    return progress;
  }

  /** @returns the generation with which its scopes have new data keys @throws InstanceUnknown */
  async revoke(name: InstanceName, actor: Actor): Promise<bigint | undefined> {
    const revoked = await this.#store.revoke(name, actor);
    if (revoked === undefined) throw new InstanceUnknown(name);
    return revoked.generation;
  }

  /** @param fingerprint of the key that waits @throws InstanceUnknown, KeyNotWaiting */
  async allow(name: InstanceName, fingerprint: string, actor: Actor): Promise<void> {
    await this.get(name);
    if (!(await this.#store.allow(name, fingerprint, actor))) throw new KeyNotWaiting(name);
  }

  /** One that comes back is a new one. @throws InstanceUnknown, InstanceConnected */
  async forget(name: InstanceName, actor: Actor): Promise<void> {
    const { online } = await this.get(name);
    if (online) throw new InstanceConnected(name);
    if (!(await this.#store.forget(name, actor))) throw new InstanceUnknown(name);
  }

  #shown(listed: ListedInstance): ShownInstance {
    const nowMs = this.#clock.now();
    const { instance, newest } = listed;
    return {
      ...listed,
      standing: standingOf(instance, newest, nowMs),
      online: isOnline(instance, nowMs) && instance.revokedAt === null,
    };
  }
}
