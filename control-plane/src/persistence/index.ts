export { type DatabaseOptions, makeDataSource } from "./database.js";
export { EMBEDDED_DATABASE, startEmbeddedDatabase } from "./embedded-database.js";
export { migrate } from "./migrate.js";
export { StoreUnavailable } from "./store-unavailable.js";
export { StoredAudit } from "./stored-audit.js";
export { StoredClusters } from "./stored-clusters.js";
export { StoredPublications, type StoredPublicationsOptions } from "./stored-publications.js";
export { StoredTenants } from "./stored-tenants.js";
export { Vault, VaultSealBroken } from "./vault.js";
