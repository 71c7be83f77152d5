import type { TenantRecord, UserRecord } from "../client/index.js";
import { type Attributes, attribute, nestedAttribute } from "../framework/index.js";
import type { Values } from "../protocol/index.js";
import { settingsState, TENANT_SETTINGS } from "../resources/index.js";
import { shown } from "./shown.js";

const USER_ATTRIBUTES: Attributes = shown({
  db_user: attribute("string", "The role in the database."),
  pool_size: attribute("number", "Connections to the database, at most, on one data plane."),
  is_manager: attribute("bool", "Whether `auth_query` runs as this user."),
  mode_type: attribute("string", "Stored and shown only."),
  pool_checkout_timeout: attribute("number", "How long a client waits for a connection. In milliseconds."),
  max_clients: attribute("number", "Clients of this user; null is the tenant's `default_max_clients`."),
});

/** A tenant as data sources show it, but for its name. */
export const TENANT_VIEW: Attributes = {
  id: attribute("string", "Of the control plane.", { computed: true }),
  ...shown(TENANT_SETTINGS),
  upstream_tls_ca_fingerprint: attribute("string", "SHA-256 of the CA certificates.", { computed: true }),
  banned_at: attribute("string", "Since when the tenant is banned; null when it is not.", { computed: true }),
  ban_reason: attribute("string", "Why it is banned.", { computed: true }),
  banned_until: attribute("string", "When the ban ends by itself.", { computed: true }),
  users: nestedAttribute({ mode: "list", attributes: USER_ATTRIBUTES }, "Its users, the manager included.", {
    computed: true,
  }),
  inserted_at: attribute("string", "When it was made.", { computed: true }),
  updated_at: attribute("string", "When it was changed last.", { computed: true }),
};

export function tenantView(record: TenantRecord): Values {
  return {
    id: record.id,
    external_id: record.external_id,
    ...settingsState(record),
    upstream_tls_ca_fingerprint: record.upstream_tls_ca_fingerprint,
    banned_at: record.banned_at,
    ban_reason: record.ban_reason,
    banned_until: record.banned_until,
    users: record.users.map(userView),
    inserted_at: record.inserted_at,
    updated_at: record.updated_at,
  };
}

function userView(user: UserRecord): Values {
  const { db_user, pool_size, is_manager, mode_type, pool_checkout_timeout, max_clients } = user;
  return { db_user, pool_size, is_manager, mode_type, pool_checkout_timeout, max_clients };
}
