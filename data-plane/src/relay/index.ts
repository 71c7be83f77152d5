export { Relay, type RelayOptions, settle } from "./relay.js";
export { OutcomeUnknown, QueryCanceled, UnnamedStatementGone } from "./relay-failure.js";
