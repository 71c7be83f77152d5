import { createHash } from "node:crypto";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { type MetricFamily, type MetricSample, type Status, StatusSchema } from "@sluice/shared/stream";
import type { ReportPart } from "./fleet-store.js";

/*
 * A report may hold the series of many thousand tenants. It is kept in parts, by a hash of the tenant's id, so that who
 * asks for one tenant reads a 64th of it, and parts that did not change are not written again.
 */
const BUCKETS = 64;
/** Series without a tenant. */
export const OWN_BUCKET = -1;

export function bucketOf(tenant: string): number {
  return createHash("sha256").update(tenant).digest().readUInt8() % BUCKETS;
}

/** The series of a status in parts, each a Status with its own label sets. */
export function partsOf(status: Pick<Status, "metrics" | "labelSets">): readonly ReportPart[] {
  const makers = new Map<number, PartMaker>();
  const bucketOfSet = status.labelSets.map(({ labels }) =>
    labels.tenant === undefined ? OWN_BUCKET : bucketOf(labels.tenant),
  );
  for (const family of status.metrics) {
    for (const sample of family.samples) {
      const labels = status.labelSets[sample.labelSet]?.labels;
      const bucket = bucketOfSet[sample.labelSet];
      // Names a set that is not there.
      if (labels === undefined || bucket === undefined) continue;
      const maker = makers.get(bucket) ?? new PartMaker();
      makers.set(bucket, maker);
      maker.add(family, sample, labels);
    }
  }
  return [...makers].map(([bucket, maker]) => ({ bucket, bytes: maker.bytes }));
}

export function readPart(bytes: Uint8Array): Pick<Status, "metrics" | "labelSets"> {
  return fromBinary(StatusSchema, bytes);
}

class PartMaker {
  readonly #families = new Map<MetricFamily, { labelSet: number; suffix: string; value: number }[]>();
  readonly #labelSets: { labels: Record<string, string> }[] = [];
  readonly #indexes = new Map<number, number>();

  add(family: MetricFamily, { labelSet, suffix, value }: MetricSample, labels: Record<string, string>): void {
    let index = this.#indexes.get(labelSet);
    if (index === undefined) {
      index = this.#labelSets.push({ labels }) - 1;
      this.#indexes.set(labelSet, index);
    }
    const samples = this.#families.get(family) ?? [];
    this.#families.set(family, samples);
    samples.push({ labelSet: index, suffix, value });
  }

  get bytes(): Uint8Array {
    const metrics = [...this.#families].map(([{ name, help, type }, samples]) => ({
      name,
      help,
      type,
      samples,
    }));
    return toBinary(StatusSchema, create(StatusSchema, { metrics, labelSets: this.#labelSets }));
  }
}
