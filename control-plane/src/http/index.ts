export { type AppParts, makeApp } from "./app.js";
export { type HttpServer, startHttpServer } from "./http-server.js";
export { RequestRefused } from "./request-failure.js";
