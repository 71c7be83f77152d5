export { Relay, type RelayOptions, settle } from "./relay.js";
export {
  ClientIdleTimeout,
  IdleTransactionTimeout,
  OutcomeUnknown,
  QueryCanceled,
  TransactionTimeout,
  UnnamedStatementGone,
} from "./relay-failure.js";
export { anyTimeout, type Timeouts } from "./timeouts.js";
