import { LIMITS } from "@sluice/shared/tenant";
import { attribute, bytes, matches, type Schema } from "../framework/index.js";
import { caFingerprintOf } from "./ca-fingerprint.js";
import { ACKED, GENERATION, WAIT_FOR_FLEET } from "./fleet-progress.js";
import { MANAGER } from "./manager.js";
import { PASSWORD_FINGERPRINT } from "./password.js";
import { poolerUriAttribute } from "./pooler-uris.js";
import { TENANT_SETTINGS } from "./tenant-settings.js";
import { TIMEOUTS } from "./timeouts.js";

export const externalId = matches(
  /^[A-Za-z0-9][A-Za-z0-9_-]{0,254}$/,
  "letters, digits, _ and -, beginning with a letter or a digit, at most 255",
);

export const TENANT_SCHEMA: Schema = {
  description:
    "A tenant: one database, and who may reach it through the pooler. Clients log in as `user.external_id`.",
  attributes: {
    id: attribute("string", "Of the control plane; another one when the tenant is made anew.", {
      computed: true,
      keptUnless: ["external_id"],
    }),
    external_id: attribute(
      "string",
      "The tenant's name. It stands behind the dot of a user name, `user.tenant`. Letters, digits, `_` and `-`. Another " +
        "name is another tenant.",
      { required: true, replaces: true, checks: [externalId] },
    ),
    ...TENANT_SETTINGS,
    upstream_tls_ca: attribute(
      "string",
      'One or more CA certificates in PEM, for `upstream_verify = "peer"`. The API shows its fingerprint only, so an ' +
        "imported tenant has none in state until the next apply. One that is stored and not in the configuration is " +
        "taken away; a plan shows it by the fingerprint.",
      { optional: true, checks: [bytes(LIMITS.caBytes)] },
    ),
    upstream_tls_ca_fingerprint: attribute(
      "string",
      "SHA-256 of the CA certificates, as `openssl x509 -fingerprint -sha256` prints it.",
      { computed: true, derived: ({ upstream_tls_ca: pem = null }) => caFingerprintOf(pem) },
    ),
    manager_password_fingerprint: attribute("string", `Of the manager. ${PASSWORD_FINGERPRINT}`, {
      computed: true,
      keptUnless: ["manager", "require_user"],
    }),
    wait_for_fleet: WAIT_FOR_FLEET,
    generation: GENERATION,
    acked: ACKED,
    pooler_uri: poolerUriAttribute("Where clients connect; they add the user.", [
      "external_id",
      "db_database",
    ]),
    inserted_at: attribute("string", "When it was made.", { computed: true, keptUnless: ["external_id"] }),
    updated_at: attribute("string", "When it was changed last.", { computed: true }),
  },
  blocks: { manager: MANAGER, timeouts: TIMEOUTS },
};
