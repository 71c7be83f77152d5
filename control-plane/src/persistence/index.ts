export { makeDataSource, migrate } from "./database.js";
export { StoredPublications } from "./stored-publications.js";
export { StoredTenants } from "./stored-tenants.js";
export { Vault } from "./vault.js";
