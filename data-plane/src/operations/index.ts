export { type OperationsOptions, type Readiness, startOperations } from "./operations-server.js";
