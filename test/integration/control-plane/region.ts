import { Directory, keepRecords } from "@sluice/data-plane/tenants/index";
import {
  clusterRecordId,
  decodeCluster,
  MemberType,
  scopeOfRegion,
  type VerifiedBytes,
} from "@sluice/shared/bundle";
import type { Replica } from "./replica.js";
import { StoreProbe } from "./store-probe.js";

/** What the data planes of a region would serve, read from the records that are signed for it. */
export class Region {
  readonly scope: string;
  readonly #replica: Replica;
  readonly #store: StoreProbe;

  private constructor(scope: string, replica: Replica, store: StoreProbe) {
    this.scope = scope;
    this.#replica = replica;
    this.#store = store;
  }

  static async appear(name: string, replica: Replica, databaseUrl: string): Promise<Region> {
    const scope = scopeOfRegion(name);
    await replica.publisher.ensureScope(scope);
    return new Region(scope, replica, new StoreProbe(databaseUrl));
  }

  async directory(): Promise<Directory> {
    const rows = await this.#store.rows<{ id: string; body: Buffer }>(
      "SELECT id, body FROM sluice.records WHERE scope = $1",
      [this.scope],
    );
    const keys = await this.#replica.publisher.dataKeys(this.scope);
    const directory = new Directory();
    keepRecords(directory, {
      scope: this.scope,
      dataKeys: new Map(keys.map(({ id, key }) => [id, key])),
      upsert: new Map(rows.map(({ id, body }) => [id, body as unknown as VerifiedBytes])),
      remove: [],
    });
    return directory;
  }

  /** Its record. Undefined: it is not known here. */
  async cluster(alias: string) {
    const [row] = await this.#store.rows<{ body: Buffer }>(
      "SELECT body FROM sluice.records WHERE scope = $1 AND id = $2",
      [this.scope, clusterRecordId(alias)],
    );
    if (row === undefined) return undefined;
    const record = decodeCluster(row.body as unknown as VerifiedBytes);
    return {
      alias: record.alias,
      active: record.active,
      members: record.members.map(({ tenantExternalId, type, active }) => ({
        tenant: tenantExternalId,
        type: type === MemberType.WRITE ? "write" : "read",
        active,
      })),
    };
  }

  /** The last generation that changed something here. */
  async generation(): Promise<bigint> {
    const [row] = await this.#store.rows<{ generation: string }>(
      "SELECT generation FROM sluice.scopes WHERE scope = $1",
      [this.scope],
    );
    return BigInt(row?.generation ?? -1);
  }
}
