import type { TenantRecord } from "../client/index.js";
import { attribute, problem, Refused } from "../framework/index.js";
import type { Values } from "../protocol/index.js";

/** Of what is a tenant's: of which one, since its name may be another one's by now. */
export const TENANT_ID = attribute(
  "string",
  "The tenant's `id`. When the tenant is replaced, so is this, in the same apply.",
  { computed: true, keptUnless: ["tenant"] },
);

/** @throws Refused when the tenant is no longer the one that was planned with */
export function checkSameTenant(what: string, prior: Values | null, { id }: TenantRecord): void {
  const known = prior?.tenant_id ?? null;
  if (known === null || known === id) return;
  const text = "Its tenant was deleted and made anew since the plan was made. Plan again.";
  throw new Refused([problem(`The ${what} is another one`, text)]);
}
