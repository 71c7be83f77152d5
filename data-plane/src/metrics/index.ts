export { FleetFigures, OTHERS, type PoolTotal, type TenantTotal } from "./fleet-figures.js";
export { type LoginOutcome, LoginOutcomes } from "./login-outcomes.js";
export { type ConnectFailure, type PoolLabels, PoolMeter } from "./pool-meter.js";
export { labelsOf, PoolMeters, poolName } from "./pool-meters.js";
export {
  addCounts,
  boundsOf,
  counterOf,
  emptyRow,
  gaugeOf,
  type HistogramFigures,
  histogramOf,
  isBehind,
  type PoolCounter,
  type PoolGauge,
  type PoolHistogram,
  type PoolRow,
} from "./pool-row.js";
export { type ProcessFigures, ProcessMeter } from "./process-figures.js";
export { SlowSpans } from "./slow-spans.js";
export type { WorkerFigures } from "./worker-figures.js";
