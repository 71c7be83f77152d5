export { CANCEL_TIMEOUT_MS, MOST_CANCELS } from "./cancel-requests.js";
export { Exchanges } from "./exchanges.js";
export type { Naming } from "./naming.js";
export { Relay, type RelayHost, type RelayOptions } from "./relay.js";
export {
  ClientIdleTimeout,
  IdleTransactionTimeout,
  OutcomeUnknown,
  QueryCanceled,
  TooManyPinned,
  TooManyStatements,
  TransactionTimeout,
} from "./relay-failure.js";
export { settle } from "./settle.js";
export { sharedStatementsOf } from "./shared-statements.js";
export { anyTimeout, type Timeouts } from "./timeouts.js";
