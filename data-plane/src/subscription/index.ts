export type { AcceptedChange, StateSink } from "./state-sink.js";
export { Subscription, type SubscriptionOptions, type SubscriptionStatus } from "./subscription.js";
