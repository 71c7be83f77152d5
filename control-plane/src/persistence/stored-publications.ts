import type { Logger } from "@sluice/shared/observability";
import { type DataKey, makeDataKey } from "@sluice/shared/secrets";
import type { Clock } from "@sluice/shared/time";
import type { DataSource, EntityManager } from "typeorm";
import type { AheadReport, PublicationStore, PublishingMoment, ScopeReader } from "../publishing/index.js";
import { replaceClusterRecords } from "./cluster-records.js";
import { listClusters } from "./cluster-rows.js";
import { GenerationListener } from "./generation-listener.js";
import { PublishedRows, readAheadScopes } from "./published-rows.js";
import { StoredPublishingMoment } from "./publishing-moment.js";
import { retiredDataKeys } from "./scope-keys.js";
import { findScope, GENERATION_CHANNEL, insertScope, markScopes, takeGeneration } from "./scope-rows.js";
import { orUnavailable } from "./store-unavailable.js";
import { writeTenantRecords } from "./tenant-records.js";
import { TenantRows } from "./tenant-rows.js";
import type { Vault } from "./vault.js";

/** Tenants, or clusters, that are read at once for a new scope. */
const TENANTS_A_READ = 500;

export interface StoredPublicationsOptions {
  readonly dataSource: DataSource;
  /** For the connection that listens, which is none of the pool's. */
  readonly url: string;
  readonly vault: Vault;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** Signed bytes in Postgres, the same for all replicas. */
export class StoredPublications implements PublicationStore {
  readonly #options: StoredPublicationsOptions;
  readonly #rows: TenantRows;

  constructor(options: StoredPublicationsOptions) {
    this.#options = options;
    this.#rows = new TenantRows(options.vault);
  }

  get #manager(): EntityManager {
    return this.#options.dataSource.manager;
  }

  ensureScope(scope: string): Promise<void> {
    return orUnavailable(this.#ensureScope(scope));
  }

  async #ensureScope(scope: string): Promise<void> {
    const { dataSource, vault } = this.#options;
    if ((await findScope(this.#manager, scope, vault)) !== undefined) return;
    await dataSource.transaction(async (manager) => {
      // Two planes of one region that come at once; the second finds the scope made, and takes no generation.
      await manager.query("SELECT pg_advisory_xact_lock(hashtextextended($1, 0))", [`sluice/scope/${scope}`]);
      if ((await findScope(manager, scope, vault)) !== undefined) return;
      // Behind the generation's lock every tenant of an older one is seen, and every newer one sees the scope.
      const generation = await takeGeneration(manager);
      const made = { scope, dataKey: makeDataKey() };
      await insertScope(manager, made, generation, vault);
      let after: string | undefined;
      for (;;) {
        const page = { after, limit: TENANTS_A_READ, now: new Date(this.#options.clock.now()) };
        const tenants = await this.#rows.list(manager, {}, page);
        await writeTenantRecords(manager, made, tenants, generation);
        if (tenants.length < TENANTS_A_READ) break;
        after = tenants.at(-1)?.externalId;
      }
      await writeClusters(manager, scope, generation);
      await markScopes(manager, [scope], generation);
    });
  }

  of(scope: string): ScopeReader {
    const rows = new PublishedRows(this.#manager, scope);
    return {
      standing: (epoch) => orUnavailable(rows.standing(epoch)),
      state: (epoch, generation) => orUnavailable(rows.state(epoch, generation)),
      base: (epoch) => orUnavailable(rows.base(epoch)),
      deltas: (epoch, from, keyIds) => orUnavailable(rows.deltas(epoch, from, keyIds)),
      manifest: (key, keyIds, allows) => orUnavailable(rows.manifest(key, keyIds, allows)),
    };
  }

  /** Of all scopes, for whoever shows the fleet. */
  aheadScopes(): ReturnType<typeof readAheadScopes> {
    return orUnavailable(readAheadScopes(this.#manager));
  }

  async reportAhead(scope: string, { held, reporter }: Omit<AheadReport, "atMs">): Promise<void> {
    const { dataSource, clock } = this.#options;
    const reported = dataSource.transaction(async (manager) => {
      await manager.query(
        `UPDATE sluice.scopes
         SET ahead_epoch = $2, ahead_generation = $3, ahead_root = $4, ahead_reporter = $5, ahead_at = $6
         WHERE scope = $1 AND (ahead_epoch IS NULL OR (ahead_epoch, ahead_generation) < ($2::bigint, $3::bigint))`,
        [
          scope,
          String(held.epoch),
          String(held.generation),
          Buffer.from(held.stateRoot),
          reporter,
          new Date(clock.now()),
        ],
      );
      await manager.query("SELECT pg_notify($1, '')", [GENERATION_CHANNEL]);
    });
    await orUnavailable(reported);
  }

  publishing<T>(scope: string, work: (moment: PublishingMoment) => Promise<T>): Promise<T> {
    const transaction = this.#options.dataSource.transaction(async (manager) => {
      await manager.query("SELECT pg_advisory_xact_lock(hashtextextended($1, 0))", [
        `sluice/publisher/${scope}`,
      ]);
      return work(new StoredPublishingMoment(manager, scope, this.#options.clock));
    });
    return orUnavailable(transaction);
  }

  async chunk(scope: string, sha256: Uint8Array): Promise<Buffer | undefined> {
    const rows: { bytes: Buffer }[] = await orUnavailable(
      this.#manager.query("SELECT bytes FROM sluice.chunks WHERE scope = $1 AND sha256 = $2", [
        scope,
        Buffer.from(sha256),
      ]),
    );
    return rows[0]?.bytes;
  }

  async dataKeys(scope: string): Promise<readonly DataKey[]> {
    const { vault, clock } = this.#options;
    const found = await orUnavailable(findScope(this.#manager, scope, vault));
    if (found === undefined) return [];
    const retired = await orUnavailable(retiredDataKeys(this.#manager, scope, vault, new Date(clock.now())));
    return [found.dataKey, ...retired];
  }

  async listen(onGeneration: () => void): Promise<{ stop(): Promise<void> }> {
    const { url, clock, logger } = this.#options;
    const listener = new GenerationListener(url, clock, logger, onGeneration);
    await listener.start();
    return listener;
  }
}

/** Of a new scope. */
async function writeClusters(manager: EntityManager, scope: string, generation: bigint): Promise<void> {
  let after: string | undefined;
  for (;;) {
    const clusters = await listClusters(manager, after, TENANTS_A_READ);
    for (const cluster of clusters) await replaceClusterRecords(manager, [scope], cluster, generation);
    if (clusters.length < TENANTS_A_READ) return;
    after = clusters.at(-1)?.alias;
  }
}
