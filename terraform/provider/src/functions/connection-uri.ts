import { poolerUri } from "../client/index.js";
import { ArgumentRefused, type ProviderFunction } from "../framework/index.js";
import type { Value } from "../protocol/index.js";

const HOST = /^[A-Za-z0-9._-]+$|^[0-9A-Fa-f:.]+$/;

/** Everything of a URI that must not be taken apart: `@`, `/`, `:` in a password, IPv6 addresses, the dot before a tenant. */
export const connectionUri: ProviderFunction = {
  summary: "The URI by which a client connects to a tenant through the pooler",
  description:
    "Puts together `postgresql://user.tenant:password@host:port/database` with everything encoded that has to be. A null " +
    "password is left out. A sensitive or ephemeral password makes the result so too.",
  parameters: [
    { name: "host", type: "string", description: "Where the data planes are: a name or an address." },
    {
      name: "port",
      type: "number",
      description: "6543 for transaction mode, 5432 for session mode, unless moved.",
    },
    {
      name: "tenant",
      type: "string",
      description: "The tenant's `external_id`; `cluster.ALIAS` means a cluster.",
    },
    { name: "user", type: "string", description: "The role in the database." },
    { name: "password", type: "string", description: "Its password, or null.", allowNull: true },
    { name: "database", type: "string", description: "Name of the database." },
  ],
  returns: "string",
  call([host = null, port = null, tenant = null, user = null, password = null, database = null]) {
    if (!HOST.test(text(host))) throw new ArgumentRefused(0, "the host must be a name or an address");
    if (typeof port !== "number" || !Number.isInteger(port) || port < 1 || port > 65_535) {
      throw new ArgumentRefused(1, "the port must be a whole number from 1 to 65535");
    }
    if (!/^(cluster\.)?[A-Za-z0-9][A-Za-z0-9_-]*$/.test(text(tenant))) {
      throw new ArgumentRefused(2, "the tenant must be an external_id: letters, digits, _ and -");
    }
    if (text(user) === "") throw new ArgumentRefused(3, "the user must not be empty");
    if (text(database) === "") throw new ArgumentRefused(5, "the database must not be empty");
    return poolerUri(text(host), port, {
      tenant: text(tenant),
      database: text(database),
      user: text(user),
      password: password === null ? undefined : text(password),
    });
  },
};

function text(value: Value): string {
  return typeof value === "string" ? value : "";
}
