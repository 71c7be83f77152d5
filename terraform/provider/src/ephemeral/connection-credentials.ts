import { LIMITS } from "@sluice/shared/tenant";
import { poolerUri, type Sluice, type TenantRecord, tenantPath } from "../client/index.js";
import {
  attribute,
  between,
  bytes,
  type EphemeralResource,
  oneOf,
  problem,
  Refused,
} from "../framework/index.js";
import type { Values } from "../protocol/index.js";
import { explained, externalId, textOf } from "../resources/index.js";

const DEFAULT_MODE = "transaction";

/** All that a client needs to connect, with the password, and none of it in a plan or a state. */
export const connectionCredentials: EphemeralResource<Sluice> = {
  schema: {
    description:
      "What a client needs to connect to a tenant through the pooler, password included, in no plan and no state: for the " +
      "write-only attributes of other resources and for the configuration of other providers. It looks whether the tenant " +
      "is there and whether the user may log in. The control plane never shows a password, so it has to be given.",
    attributes: {
      tenant: attribute("string", "The tenant's `external_id`.", { required: true, checks: [externalId] }),
      user: attribute("string", "The role in the database.", {
        required: true,
        checks: [bytes(LIMITS.nameBytes)],
      }),
      password: attribute("string", "Its password; it may be ephemeral.", {
        required: true,
        sensitive: true,
        checks: [bytes(LIMITS.passwordBytes)],
      }),
      mode: attribute("string", "`transaction` (default) or `session`.", {
        optional: true,
        checks: [oneOf("transaction", "session")],
      }),
      host: attribute("string", "Where the data planes are. Default is the provider's `pooler_host`.", {
        optional: true,
        computed: true,
        checks: [bytes(LIMITS.hostBytes)],
      }),
      port: attribute("number", "Default is the provider's port of the mode.", {
        optional: true,
        computed: true,
        checks: [between(1, 65_535)],
      }),
      username: attribute("string", "What the client calls itself: `user.tenant`.", { computed: true }),
      database: attribute("string", "Name of the database.", { computed: true }),
      uri: attribute("string", "All of it in one.", { computed: true, sensitive: true }),
    },
  },

  async open(sluice, config) {
    const tenant = textOf(config.tenant);
    const stored = await explained(`read the tenant "${tenant}"`, sluice.tenants.find(tenantPath(tenant)));
    if (stored === undefined) {
      const text = `The control plane has no tenant "${tenant}".`;
      throw new Refused([problem("There is no such tenant", text, ["tenant"])]);
    }
    checkUser(stored.record, textOf(config.user));
    const { host, port } = placeOf(sluice, config);
    const user = textOf(config.user);
    const database = stored.record.db_database;
    return {
      ...config,
      host,
      port,
      username: `${user}.${tenant}`,
      database,
      uri: poolerUri(host, port, { tenant, database, user, password: textOf(config.password) }),
    };
  },
};

function checkUser({ require_user: required, users, external_id: tenant }: TenantRecord, user: string): void {
  if (!required || users.some(({ db_user }) => db_user === user)) return;
  const text = `The tenant "${tenant}" has require_user = true, and no user "${user}": make a sluice_tenant_user first.`;
  throw new Refused([problem("The user may not log in", text, ["user"])]);
}

function placeOf({ pooler }: Sluice, config: Values): { readonly host: string; readonly port: number } {
  const host = typeof config.host === "string" ? config.host : pooler?.host;
  if (host === undefined) {
    const text = "Give host here, or pooler_host in the provider block.";
    throw new Refused([problem("Nobody knows where the data planes are", text, ["host"])]);
  }
  const mode = config.mode ?? DEFAULT_MODE;
  const ofMode = mode === "session" ? (pooler?.sessionPort ?? 5432) : (pooler?.transactionPort ?? 6543);
  return { host, port: typeof config.port === "number" ? config.port : ofMode };
}
