export { Console, type ConsoleFleet, type ConsoleOptions } from "./console.js";
export { type ConsoleServerOptions, startConsole } from "./console-server.js";
export { type ConsoleRight, type ConsoleUser, consoleUsers } from "./console-users.js";
