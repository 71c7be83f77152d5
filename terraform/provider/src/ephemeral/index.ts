export { connectionCredentials } from "./connection-credentials.js";
