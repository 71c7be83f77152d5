export { configuredCredentials } from "./configured-credentials.js";
export { logIn, type ServerCredentials, type ServerGreeting } from "./login.js";
export { ReportedParameters } from "./reported-parameters.js";
export { ServerConnection, type ServerHolder } from "./server-connection.js";
export { ServerError, ServerGone } from "./server-error.js";
export { type Outcome, type ServerStatement, ServerStatements } from "./server-statements.js";
export { literal, SessionSettings } from "./session-settings.js";
export { systemIdentifierOf } from "./system-identifier.js";
