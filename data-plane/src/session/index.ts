export type { Admissions, FinishedLogin, Verdict } from "./admissions.js";
export { ClientGone } from "./client-input.js";
export {
  type CancelOrigin,
  type NegotiationRules,
  negotiate,
  type ProxyProtocol,
  type Startup,
} from "./negotiation.js";
export { Session, type SessionOwner, type SessionSurroundings } from "./session.js";
