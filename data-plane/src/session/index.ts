export type { CancelOrigin, NegotiationRules, ProxyProtocol } from "./negotiation.js";
export { type ClientCount, Session, type SessionSurroundings } from "./session.js";
