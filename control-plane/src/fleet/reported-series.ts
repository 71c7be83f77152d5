import type { Clock } from "@sluice/shared/time";
import { Exposition } from "./exposition.js";
import type { FleetStore, StoredReportPart } from "./fleet-store.js";
import { isOnline, standingOf } from "./instance-standing.js";
import { bucketOf, OWN_BUCKET, readPart } from "./report-parts.js";

/** Series of a data plane that has not reported for so long end, as if it were scraped. */
const REPORT_HOLDS_MS = 90_000;
/** A fleet's view at once. */
const MOST_INSTANCES = 20_000;
const LABEL = /^[A-Za-z_][A-Za-z0-9_]*$/;
const METRIC = /^[A-Za-z_:][A-Za-z0-9_:]*$/;
const TYPES: ReadonlySet<string> = new Set(["counter", "gauge", "summary"]);

export interface ReportedSeriesOptions {
  readonly store: FleetStore;
  readonly epoch: () => bigint;
  readonly clock: Clock;
  /** Whether the control plane has a metric of this name itself. */
  readonly isOwnMetric: (name: string) => boolean;
}

/** What data planes reported last, each series with the labels of who did. */
export class ReportedSeries {
  readonly #options: ReportedSeriesOptions;

  constructor(options: ReportedSeriesOptions) {
    this.#options = options;
  }

  async ofTenant(tenant: string): Promise<string> {
    const exposition = new Exposition();
    for (const part of await this.#parts(bucketOf(tenant))) this.#add(exposition, part, tenant);
    return exposition.text;
  }

  async ofFleet(): Promise<string> {
    const exposition = new Exposition();
    await this.#addInstances(exposition);
    for (const part of await this.#parts(OWN_BUCKET)) this.#add(exposition, part, undefined);
    return exposition.text;
  }

  #parts(bucket: number): Promise<readonly StoredReportPart[]> {
    const { store, clock } = this.#options;
    return store.reportParts(bucket, new Date(clock.now() - REPORT_HOLDS_MS));
  }

  #add(exposition: Exposition, part: StoredReportPart, tenant: string | undefined): void {
    const { metrics, labelSets } = readPart(part.bytes);
    const { region, group, instance } = part;
    for (const { name, help, type, samples } of metrics) {
      if (!METRIC.test(name) || !TYPES.has(type)) continue;
      const family = { name: this.#shownName(name), help, type };
      for (const { suffix, labelSet, value } of samples) {
        const labels = labelSets[labelSet]?.labels ?? {};
        if (labels.tenant !== tenant || !/^(_sum|_count)?$/.test(suffix)) continue;
        const usable = Object.fromEntries(Object.entries(labels).filter(([label]) => LABEL.test(label)));
        exposition.add(family, suffix, { ...usable, region, group, instance }, value);
      }
    }
  }

  /** Two families of one name, of the control plane and of its data planes, would not be one exposition. */
  #shownName(name: string): string {
    return this.#options.isOwnMetric(name) ? name.replace(/^sluice_|^/, "sluice_data_plane_") : name;
  }

  async #addInstances(exposition: Exposition): Promise<void> {
    const { store, epoch, clock } = this.#options;
    const nowMs = clock.now();
    for (const { instance, newest } of await store.list({}, undefined, MOST_INSTANCES, epoch())) {
      const { region, group, held, freshnessAgeMs, reportedAt } = instance;
      const labels = { region, group, instance: instance.instance };
      const gauge = (
        name: string,
        help: string,
        value: number,
        more: Readonly<Record<string, string>> = {},
      ) =>
        exposition.add(
          { name: `sluice_data_plane_${name}`, help, type: "gauge" },
          "",
          { ...labels, ...more },
          value,
        );
      const status = standingOf(instance, newest, nowMs).status;
      gauge("status", "1 for the status that a data plane has (GET /api/fleet).", 1, { status });
      gauge("connected", "1 while its stream is open.", isOnline(instance, nowMs) ? 1 : 0);
      if (held !== undefined) {
        gauge("generation_held", "Generation that a data plane holds.", Number(held.generation));
      }
      gauge("generation_wanted", "Newest generation of its region.", Number(newest.generation));
      gauge("quarantined", "Records whose newest content it cannot use.", instance.quarantined.length);
      if (freshnessAgeMs !== null) {
        const help = "Since the control plane last vouched for what it holds, as of its last report.";
        gauge("freshness_age_seconds", help, freshnessAgeMs / 1000);
      }
      if (reportedAt !== null) {
        gauge("report_age_seconds", "Since its last report.", (nowMs - reportedAt.getTime()) / 1000);
      }
    }
  }
}
