export { type ClientCount, Session, type SessionSurroundings } from "./session.js";
