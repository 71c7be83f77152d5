export { logIn, type ServerCredentials, type ServerGreeting } from "./login.js";
export { ServerConnection, type ServerHolder } from "./server-connection.js";
export { ServerError, ServerGone } from "./server-error.js";
export { SessionSettings } from "./session-settings.js";
