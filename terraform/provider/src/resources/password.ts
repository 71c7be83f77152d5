import { LIMITS } from "@sluice/shared/tenant";
import {
  type Attributes,
  attribute,
  bytes,
  type Diagnostic,
  type Path,
  problem,
} from "../framework/index.js";
import { Unknown, type Value, type Values } from "../protocol/index.js";

/** A password in its two forms. */
export const PASSWORD_ATTRIBUTES: Attributes = {
  password: attribute(
    "string",
    "The role's password in the database. It lies in the state in clear text: take `password_wo` where Terraform is 1.11 " +
      "or newer.",
    { optional: true, sensitive: true, checks: [bytes(LIMITS.passwordBytes)] },
  ),
  password_wo: attribute(
    "string",
    "The role's password in the database, write-only: it is in no plan and no state. Needs Terraform 1.11. Sent when " +
      "the thing is made, and when `password_wo_version` changes.",
    { optional: true, sensitive: true, writeOnly: true, checks: [bytes(LIMITS.passwordBytes)] },
  ),
  password_wo_version: attribute(
    "number",
    "Another number sends `password_wo` again; Terraform cannot see by itself that it has changed.",
    { optional: true },
  ),
};

export const PASSWORD_FINGERPRINT =
  "Another one once another password was written, and nothing else of it: a plan sees by it that somebody has changed the " +
  "password, and sends it again. Where `password_wo` has no version, it cannot.";

/**
 * What the API does not show, as it is known; and not where the API has another password than was written.
 * @param written the fingerprint of the known password; no text: nobody knows it
 */
export function passwordState(known: Values, written: Value, stored: string | undefined): Values {
  const isOther = typeof written === "string" && stored !== undefined && written !== stored;
  return {
    password: isOther ? null : (known.password ?? null),
    password_wo: null,
    password_wo_version: isOther ? null : (known.password_wo_version ?? null),
  };
}

/** Exactly one form has to be there. */
export function passwordProblems(config: Values, above: Path): readonly Diagnostic[] {
  const { password = null, password_wo: writeOnly = null, password_wo_version: version = null } = config;
  if (
    password !== null &&
    writeOnly !== null &&
    !(password instanceof Unknown) &&
    !(writeOnly instanceof Unknown)
  ) {
    return [problem("Two passwords", "Give password or password_wo, not both.", [...above, "password"])];
  }
  if (password === null && writeOnly === null) {
    return [problem("No password", "Give password, or password_wo with Terraform 1.11.", above)];
  }
  if (writeOnly === null && version !== null) {
    const path = [...above, "password_wo_version"];
    return [problem("A version without a password", "password_wo_version is that of password_wo.", path)];
  }
  return [];
}

/** What has to be sent: always to a new thing, else only what has changed. */
export function passwordToSend(config: Values, planned: Values, prior: Values | null): Value | undefined {
  const { password = null, password_wo: writeOnly = null } = config;
  if (writeOnly !== null) {
    const same = prior !== null && (prior.password ?? null) === null && version(prior) === version(planned);
    return same ? undefined : writeOnly;
  }
  return prior !== null && prior.password === password ? undefined : password;
}

function version(values: Values): Value {
  return values.password_wo_version ?? null;
}
