import { createHash } from "node:crypto";
import type { Status } from "@sluice/shared/stream";
import type { Clock } from "@sluice/shared/time";
import type { FleetStore, ReportedNetworkBan } from "./fleet-store.js";
import { type InstanceName, nameOf } from "./instance.js";
import { partsOf } from "./report-parts.js";

/** One data plane remembers at most 20,000 addresses that failed. */
const MOST_BANS = 20_000;
const LONGEST_TEXT = 256;

/** Keeps the series and bans that data planes report; a part that is as before is not written again. */
export class Reports {
  readonly #store: FleetStore;
  readonly #clock: Clock;
  /** By instance and bucket: SHA-256 of what was written last. */
  readonly #written = new Map<string, ReadonlyMap<number, string>>();

  constructor(store: FleetStore, clock: Clock) {
    this.#store = store;
    this.#clock = clock;
  }

  async save(name: InstanceName, status: Status): Promise<void> {
    const parts = partsOf(status).map((part) => ({
      ...part,
      sha256: createHash("sha256").update(part.bytes).digest("base64"),
    }));
    const key = nameOf(name);
    const before = this.#written.get(key);
    const [kept, changed] = [
      parts.filter(({ bucket, sha256 }) => before?.get(bucket) === sha256),
      parts.filter(({ bucket, sha256 }) => before?.get(bucket) !== sha256),
    ];
    // Until it is written nobody knows what is there.
    this.#written.delete(key);
    const at = new Date(this.#clock.now());
    await this.#store.saveReport(
      name,
      changed,
      kept.map(({ bucket }) => bucket),
      bansOf(status),
      at,
    );
    this.#written.set(key, new Map(parts.map(({ bucket, sha256 }) => [bucket, sha256])));
  }

  /** Another replica may write from now on. */
  ended(name: InstanceName): void {
    this.#written.delete(nameOf(name));
  }
}

function bansOf({ bans }: Status): readonly ReportedNetworkBan[] {
  return bans
    .slice(0, MOST_BANS)
    .filter(({ tenant, address }) => tenant.length <= LONGEST_TEXT && address.length <= LONGEST_TEXT)
    .map(({ tenant, address, remainingMs }) => ({ tenant, address, remainingMs: Number(remainingMs) }));
}
