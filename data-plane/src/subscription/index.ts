export type {
  OwnStatus,
  ReportedBan,
  ReportedFamily,
  ReportedMetrics,
  ReportedSample,
} from "./own-status.js";
export type { AcceptedChange, ActedOrder, StateSink } from "./state-sink.js";
export { Subscription, type SubscriptionOptions, type SubscriptionStatus } from "./subscription.js";
export { warningsOf } from "./warnings.js";
