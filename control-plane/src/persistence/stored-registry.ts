import type { Clock } from "@sluice/shared/time";
import type { DataSource, EntityManager } from "typeorm";
import type { Actor } from "../audit/index.js";
import {
  type InstanceName,
  type InstanceRegistry,
  type Introduction,
  keyFingerprint,
  nameOf,
  type Registration,
} from "../fleet/index.js";
import { orUnavailable } from "./store-unavailable.js";
import { appendAudit } from "./stored-audit.js";

interface KnownRow {
  readonly public_key: Buffer;
  readonly waiting_key: Buffer | null;
  readonly revoked_at: Date | null;
}

/** Data planes and their keys in Postgres: all replicas refuse the same ones. */
export class StoredRegistry implements InstanceRegistry {
  readonly #dataSource: DataSource;
  readonly #mostPerGroup: number;
  readonly #clock: Clock;

  constructor(dataSource: DataSource, mostPerGroup: number, clock: Clock) {
    this.#dataSource = dataSource;
    this.#mostPerGroup = mostPerGroup;
    this.#clock = clock;
  }

  register(introduction: Introduction): Promise<Registration> {
    return orUnavailable(this.#register(introduction));
  }

  async mayHoldKeys(
    { group, instance }: InstanceName,
    publicKey: Uint8Array,
    scope: string,
  ): Promise<boolean> {
    const rows: unknown[] = await orUnavailable(
      this.#dataSource.query(
        `WITH may AS (
           UPDATE sluice.instances SET key_scopes = CASE WHEN $4 = ANY (key_scopes) THEN key_scopes ELSE key_scopes || $4::text END
           WHERE group_name = $1 AND instance = $2 AND public_key = $3 AND revoked_at IS NULL RETURNING 1)
         SELECT 1 FROM may`,
        [group, instance, Buffer.from(publicKey), scope],
      ),
    );
    return rows.length > 0;
  }

  async #register(introduction: Introduction): Promise<Registration> {
    const { manager } = this.#dataSource;
    const known = await this.#judge(manager, introduction);
    if (known !== undefined) return known;
    return this.#dataSource.transaction(async (moment) => {
      // So that two that come at once do not both fit in.
      await moment.query("SELECT pg_advisory_xact_lock(hashtextextended($1, 0))", [
        `sluice/group/${introduction.group}`,
      ]);
      return (await this.#judge(moment, introduction)) ?? this.#insert(moment, introduction);
    });
  }

  /** Undefined: it is not known yet. */
  async #judge(manager: EntityManager, introduction: Introduction): Promise<Registration | undefined> {
    const { group, instance, publicKey, incompatible } = introduction;
    const rows: KnownRow[] = await manager.query(
      "SELECT public_key, waiting_key, revoked_at FROM sluice.instances WHERE group_name = $1 AND instance = $2",
      [group, instance],
    );
    const known = rows[0];
    if (known === undefined) return undefined;
    const now = new Date(this.#clock.now());
    if (known.revoked_at !== null) return "revoked";
    if (Buffer.compare(known.public_key, publicKey) !== 0) {
      if (known.waiting_key === null || Buffer.compare(known.waiting_key, publicKey) !== 0) {
        await this.#keepWaiting(introduction, now);
      }
      return "other-key";
    }
    if (incompatible) {
      await manager.query(
        `UPDATE sluice.instances SET trouble = 'INCOMPATIBLE', build = $3, last_seen_at = $4
         WHERE group_name = $1 AND instance = $2`,
        [group, instance, introduction.build, now],
      );
    }
    return "registered";
  }

  #keepWaiting(introduction: Introduction, now: Date): Promise<void> {
    const { group, instance, publicKey } = introduction;
    return this.#dataSource.transaction(async (manager) => {
      await manager.query(
        "UPDATE sluice.instances SET waiting_key = $3 WHERE group_name = $1 AND instance = $2",
        [group, instance, Buffer.from(publicKey)],
      );
      await this.#audit(manager, introduction, "instance.key-refused", now);
    });
  }

  async #insert(manager: EntityManager, introduction: Introduction): Promise<Registration> {
    const { group, instance, region, scope, publicKey, build, keysetVersion, incompatible } = introduction;
    const [count]: { n: number }[] = await manager.query(
      "SELECT count(*)::integer AS n FROM sluice.instances WHERE group_name = $1 AND revoked_at IS NULL",
      [group],
    );
    if ((count?.n ?? 0) >= this.#mostPerGroup) return "full";
    const now = new Date(this.#clock.now());
    await manager.query(
      `INSERT INTO sluice.instances (group_name, instance, region, scope, public_key, key_scopes, build,
         keyset_version, first_seen_at, last_seen_at, quarantined, trouble)
       VALUES ($1, $2, $3, $4, $5, '{}', $6, $7, $8, $8, '{}', $9)`,
      [
        group,
        instance,
        region,
        scope,
        Buffer.from(publicKey),
        build,
        String(keysetVersion),
        now,
        incompatible ? "INCOMPATIBLE" : null,
      ],
    );
    await this.#audit(manager, introduction, "instance.first-seen", now);
    return "registered";
  }

  #audit(manager: EntityManager, introduction: Introduction, action: string, at: Date): Promise<void> {
    const { region, build, publicKey } = introduction;
    const seen = {
      instance: nameOf(introduction),
      region,
      build,
      key_fingerprint: keyFingerprint(publicKey),
    };
    const difference = Object.fromEntries(
      Object.entries(seen).map(([field, value]) => [field, { from: null, to: value }]),
    );
    return appendAudit(
      manager,
      { actor: actorOf(introduction), action, tenant: null, cluster: null, generation: null, difference },
      at,
    );
  }
}

/** Nobody's token: the data plane itself came. */
function actorOf(name: InstanceName): Actor {
  return { subject: `data plane ${nameOf(name)}`, jti: null, tokenId: "stream", requestId: "stream" };
}
