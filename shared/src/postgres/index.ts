export { dataFolder, EmbeddedPostgres, type EmbeddedPostgresOptions } from "./embedded-postgres.js";
export { freePort, isPortFree } from "./free-port.js";
export { PortTaken } from "./port-taken.js";
export { PostgresFailure } from "./postgres-failure.js";
export { findPostmaster, type Postmaster, stopPostmaster } from "./postmaster.js";
