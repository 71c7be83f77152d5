export { makeApp } from "./app.js";
export { type HttpServer, startHttpServer } from "./http-server.js";
