import { LIMITS, USER_DEFAULTS } from "@sluice/shared/tenant";
import type { UserRecord } from "../client/index.js";
import { attribute, type Block, between, bytes } from "../framework/index.js";
import { isValues, type Value, type Values } from "../protocol/index.js";
import { PASSWORD_ATTRIBUTES, passwordState, passwordToSend } from "./password.js";

/** Bounds of what a user of a tenant may open. */
export const USER_LIMITS = {
  pool_checkout_timeout: attribute("number", "How long a client waits for a connection. In milliseconds.", {
    default: USER_DEFAULTS.poolCheckoutTimeoutMs,
    checks: [between(1, LIMITS.timeoutMs)],
  }),
  max_clients: attribute("number", "Clients of this user. Left out: the tenant's `default_max_clients`.", {
    optional: true,
    checks: [between(1, LIMITS.maxClients)],
  }),
};

export const MANAGER: Block = {
  description:
    "The role that `auth_query` runs as, needed while `require_user` is `false`: such a tenant has this user and no other.",
  attributes: {
    db_user: attribute("string", "The role in the database.", {
      required: true,
      checks: [bytes(LIMITS.nameBytes)],
    }),
    ...PASSWORD_ATTRIBUTES,
    pool_size: attribute("number", "Connections to the database for this role, at most, on one data plane.", {
      default: 15,
      checks: [between(1, LIMITS.poolSize)],
    }),
    ...USER_LIMITS,
  },
};

const SETTINGS = ["db_user", "pool_size", "pool_checkout_timeout", "max_clients"] as const;

/** As the API takes it; the stored password stays unless there is one to send. */
export function managerContent(
  planned: Values,
  config: Values,
  prior: Values | null,
): Record<string, unknown> {
  const password = passwordToSend(config, planned, prior?.db_user === planned.db_user ? prior : null);
  return {
    ...Object.fromEntries(SETTINGS.map((name) => [name, planned[name] ?? null])),
    is_manager: true,
    ...(password === undefined ? {} : { db_password: password }),
  };
}

/** What the API shows, with what it does not show as the state has it. */
export function managerState(
  manager: UserRecord | undefined,
  { manager: state = null, manager_password_fingerprint: written = null }: Values,
): Value {
  if (manager === undefined) return null;
  const known = isValues(state) && state.db_user === manager.db_user ? state : {};
  return {
    db_user: manager.db_user,
    pool_size: manager.pool_size,
    pool_checkout_timeout: manager.pool_checkout_timeout,
    max_clients: manager.max_clients,
    ...passwordState(known, written, manager.db_password_fingerprint),
  };
}
