export { clusterData } from "./cluster.js";
export { fleetData } from "./fleet.js";
export { tenantData } from "./tenant.js";
export { tenantsData } from "./tenants.js";
