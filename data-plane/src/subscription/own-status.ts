/** One series' value. */
export interface ReportedSample {
  /** `_sum` and `_count` in a summary, else empty. */
  readonly suffix: string;
  /** Index into `labelSets`. */
  readonly labelSet: number;
  readonly value: number;
}

export interface ReportedFamily {
  readonly name: string;
  readonly help: string;
  readonly type: "counter" | "gauge" | "summary";
  readonly samples: readonly ReportedSample[];
}

/** Series, each set of labels once: those of a pool nearly all have the same. */
export interface ReportedMetrics {
  readonly families: readonly ReportedFamily[];
  readonly labelSets: readonly Readonly<Record<string, string>>[];
}

export interface ReportedBan {
  readonly tenant: string;
  readonly address: string;
  readonly remainingMs: number;
}

/** What a data plane tells of itself, but for its configuration. */
export interface OwnStatus {
  readonly ready: boolean;
  readonly bans: readonly ReportedBan[];
  readonly metrics: ReportedMetrics;
}
