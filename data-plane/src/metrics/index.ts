export { FleetFigures, OTHERS, type PoolTotal, type TenantTotal } from "./fleet-figures.js";
export { type LoginOutcome, LoginOutcomes } from "./login-outcomes.js";
export { type ConnectFailure, type PoolLabels, PoolMeter } from "./pool-meter.js";
export { labelsOf, PoolMeters, poolName } from "./pool-meters.js";
export {
  boundsOf,
  counterOf,
  gaugeOf,
  type HistogramFigures,
  histogramOf,
  type PoolCounter,
  type PoolGauge,
  type PoolHistogram,
  type PoolRow,
  sumOfRows,
} from "./pool-row.js";
export { type ProcessFigures, ProcessMeter } from "./process-figures.js";
export { SlowSpans } from "./slow-spans.js";
export type { WorkerFigures } from "./worker-figures.js";
