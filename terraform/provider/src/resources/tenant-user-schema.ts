import { LIMITS } from "@sluice/shared/tenant";
import { attribute, between, bytes, type Check, oneOf, type Schema } from "../framework/index.js";
import { ACKED, GENERATION, WAIT_FOR_FLEET } from "./fleet-progress.js";
import { USER_LIMITS } from "./manager.js";
import { PASSWORD_ATTRIBUTES, PASSWORD_FINGERPRINT } from "./password.js";
import { poolerUriAttribute } from "./pooler-uris.js";
import { TENANT_ID } from "./tenant-identity.js";
import { externalId } from "./tenant-schema.js";
import { TIMEOUTS } from "./timeouts.js";

const addressable: Check = (value) =>
  value === "." || value === ".." ? "must not be . or .., which cannot stand in a URL" : undefined;

export const TENANT_USER_SCHEMA: Schema = {
  description:
    "A role that may log in to a tenant with `require_user = true`. Clients log in as `db_user.tenant`. A resource of its " +
    "own, so that a plan shows each user by itself.",
  attributes: {
    id: attribute("string", "`tenant/db_user`.", { computed: true, keptUnless: ["tenant", "db_user"] }),
    tenant: attribute("string", "The tenant's `external_id`.", {
      required: true,
      replaces: true,
      checks: [externalId],
    }),
    tenant_id: TENANT_ID,
    db_user: attribute("string", "The role in the database. Another name is another user.", {
      required: true,
      replaces: true,
      checks: [bytes(LIMITS.nameBytes), addressable],
    }),
    ...PASSWORD_ATTRIBUTES,
    password_fingerprint: attribute("string", PASSWORD_FINGERPRINT, {
      computed: true,
      keptUnless: ["password", "password_wo_version"],
    }),
    pool_size: attribute("number", "Connections to the database, at most, on one data plane.", {
      required: true,
      checks: [between(1, LIMITS.poolSize)],
    }),
    mode_type: attribute("string", "Stored and shown only; the port that a client connects to decides.", {
      default: "transaction",
      checks: [oneOf("transaction", "session")],
    }),
    ...USER_LIMITS,
    wait_for_fleet: WAIT_FOR_FLEET,
    generation: GENERATION,
    acked: ACKED,
    pooler_uri: poolerUriAttribute("Where clients connect, without the password.", ["tenant", "db_user"]),
  },
  blocks: { timeouts: TIMEOUTS },
};
