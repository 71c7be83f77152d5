import type { Registry } from "prom-client";
import type { ReportedFamily, ReportedMetrics, ReportedSample } from "../subscription/index.js";

/** What one report holds at most, some 5 MB; a data plane with more active tenants is scraped itself. */
const MOST_SAMPLES = 200_000;
const MOST_LABEL_SETS = 25_000;
/** Of the process, not of what it does; they are scraped from each data plane. */
const LEFT_OUT = /^(process|nodejs)_/;

/**
 * The registry's series, as a report carries them: of a histogram its sum and count, as a summary. Those that would
 * make the report too large are left out.
 */
export async function reportedMetrics(registry: Registry): Promise<ReportedMetrics> {
  const sets = new LabelSets();
  let left = MOST_SAMPLES;
  const families: ReportedFamily[] = [];
  for (const { name, help, type, values } of await registry.getMetricsAsJSON()) {
    if (LEFT_OUT.test(name)) continue;
    const samples: ReportedSample[] = [];
    for (const sample of values) {
      const full = "metricName" in sample && typeof sample.metricName === "string" ? sample.metricName : name;
      const suffix = full.startsWith(name) ? full.slice(name.length) : "";
      if (suffix === "_bucket" || "quantile" in sample.labels || samples.length >= left) continue;
      const labelSet = sets.indexOf(sample.labels);
      if (labelSet !== undefined) samples.push({ suffix, labelSet, value: sample.value });
    }
    left -= samples.length;
    // prom-client's enum is of these words.
    const kind = String(type) === "counter" ? "counter" : String(type) === "gauge" ? "gauge" : "summary";
    if (samples.length > 0) families.push({ name, help, type: kind, samples });
  }
  return { families, labelSets: sets.all };
}

class LabelSets {
  readonly all: Readonly<Record<string, string>>[] = [];
  readonly #known = new Map<string, number>();

  /** Undefined: there are too many. */
  indexOf(labels: Readonly<Record<string, string | number | undefined>>): number | undefined {
    const texts = Object.entries(labels).map(([name, value]): [string, string] => [name, String(value)]);
    const key = JSON.stringify(texts.toSorted());
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    if (this.all.length >= MOST_LABEL_SETS) return undefined;
    this.#known.set(key, this.all.length);
    return this.all.push(Object.fromEntries(texts)) - 1;
  }
}
