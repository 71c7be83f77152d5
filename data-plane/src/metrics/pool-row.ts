/**
 * The figures of one pool in one worker, as a row of numbers. Rows are added up column by column: over workers, and
 * over pools; a row is one copy of memory on its way to the primary.
 *
 *   row   [ gauges | counters | histogram: one count a bucket, the last without bound, then the sum in ms | ... ]
 */
export const POOL_GAUGES = [
  "clients",
  "waiting",
  "servers",
  "idle",
  "leased",
  "pinned",
  "resetting",
  "connecting",
  /** Servers that the pool may have; of several rows the greatest counts, as of the next. */
  "limit",
  "longestWaitMs",
] as const;

export const POOL_COUNTERS = [
  "queries",
  "transactions",
  "logins",
  "bytesFromClients",
  "bytesToClients",
  "bytesFromServers",
  "bytesToServers",
  "serversOpened",
  "serversClosed",
  "connects",
  "connectsUnreachable",
  "connectsNotLoggedIn",
  "connectsRefused",
  "checkoutTimeouts",
  "resets",
  "resetFailures",
  "pins",
  "settles",
  "injectedParses",
  "evictedStatements",
  "cancels",
] as const;

export const POOL_HISTOGRAMS = ["checkout", "query", "transaction", "connect", "login", "age"] as const;

export type PoolGauge = (typeof POOL_GAUGES)[number];
export type PoolCounter = (typeof POOL_COUNTERS)[number];
export type PoolHistogram = (typeof POOL_HISTOGRAMS)[number];

/** Upper bounds in ms. They hold all of Supavisor's, so that queries written for those find them. */
export const BOUNDS_MS = [0.5, 1, 2.5, 5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10_000, 15_000];

/** Of clients' ages, Supavisor's own: half a second to thirty days. */
export const AGE_BOUNDS_MS = [
  500, 1000, 5000, 20_000, 60_000, 300_000, 1_800_000, 7_200_000, 28_800_000, 86_400_000, 259_200_000,
  604_800_000, 2_592_000_000,
];

export const boundsOf = (name: PoolHistogram): readonly number[] =>
  name === "age" ? AGE_BOUNDS_MS : BOUNDS_MS;

/** Of the longer list of bounds. */
const HISTOGRAM_WIDTH = BOUNDS_MS.length + 2;
const SUM_AT = HISTOGRAM_WIDTH - 1;
const COUNTERS_AT = POOL_GAUGES.length;
const HISTOGRAMS_AT = COUNTERS_AT + POOL_COUNTERS.length;
const GREATEST = [POOL_GAUGES.indexOf("limit"), POOL_GAUGES.indexOf("longestWaitMs")];

export const ROW_WIDTH = HISTOGRAMS_AT + POOL_HISTOGRAMS.length * HISTOGRAM_WIDTH;

export type PoolRow = Float64Array;

export interface HistogramFigures {
  /** Not cumulative, one for each bound and one without. */
  readonly counts: readonly number[];
  readonly count: number;
  readonly sumMs: number;
}

export const emptyRow = (): PoolRow => new Float64Array(ROW_WIDTH);

export const gaugeAt = (name: PoolGauge): number => POOL_GAUGES.indexOf(name);
export const counterAt = (name: PoolCounter): number => COUNTERS_AT + POOL_COUNTERS.indexOf(name);
/** Its sum lies `HISTOGRAM_SUM` columns further. */
export const HISTOGRAM_SUM = SUM_AT;
export const histogramAt = (name: PoolHistogram): number =>
  HISTOGRAMS_AT + POOL_HISTOGRAMS.indexOf(name) * HISTOGRAM_WIDTH;

export const gaugeOf = (row: PoolRow, name: PoolGauge): number => row[gaugeAt(name)] ?? 0;
export const counterOf = (row: PoolRow, name: PoolCounter): number => row[counterAt(name)] ?? 0;

export function histogramOf(row: PoolRow, name: PoolHistogram): HistogramFigures {
  const at = histogramAt(name);
  const counts = [...row.subarray(at, at + boundsOf(name).length + 1)];
  return {
    counts,
    count: counts.reduce((sum, count) => sum + count, 0),
    sumMs: row[at + SUM_AT] ?? 0,
  };
}

export function addRow(sum: PoolRow, row: PoolRow): void {
  const greatest = GREATEST.map((column) => Math.max(sum[column] ?? 0, row[column] ?? 0));
  addFrom(sum, row, 0);
  GREATEST.forEach((column, i) => {
    sum[column] = greatest[i] ?? 0;
  });
}

/** What stays of a row after its worker or its pool: what was counted, not what was there. */
export function addCounts(sum: PoolRow, row: PoolRow): void {
  addFrom(sum, row, COUNTERS_AT);
}

/** What was counted beyond `before`. */
export function countsSince(row: PoolRow, before: PoolRow): PoolRow {
  const since = row.slice();
  for (let i = COUNTERS_AT; i < ROW_WIDTH; i++) since[i] = (row[i] ?? 0) - (before[i] ?? 0);
  return since;
}

/** A counter is lower: these cannot be later figures of the same pool. Sums of times are not looked at, which may be rounded. */
export function isBehind(row: PoolRow, before: PoolRow): boolean {
  return POOL_COUNTERS.some((name) => counterOf(row, name) < counterOf(before, name));
}

function addFrom(sum: PoolRow, row: PoolRow, first: number): void {
  for (let i = first; i < ROW_WIDTH; i++) sum[i] = (sum[i] ?? 0) + (row[i] ?? 0);
}
