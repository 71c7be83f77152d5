import { type PoolerLogin, poolerUri, type Sluice } from "../client/index.js";
import { attribute, nestedAttribute } from "../framework/index.js";
import type { Value } from "../protocol/index.js";

/** Where clients connect, in both modes. */
export function poolerUriAttribute(what: string, keptUnless: readonly string[]) {
  return nestedAttribute(
    {
      mode: "single",
      attributes: {
        transaction: attribute("string", "In transaction mode.", { computed: true }),
        session: attribute("string", "In session mode.", { computed: true }),
      },
    },
    `${what} Null where the provider does not know where the data planes are: set its \`pooler_host\`.`,
    { computed: true, keptUnless },
  );
}

export function poolerUris({ pooler }: Sluice, login: PoolerLogin): Value {
  if (pooler === undefined) return null;
  return {
    transaction: poolerUri(pooler.host, pooler.transactionPort, login),
    session: poolerUri(pooler.host, pooler.sessionPort, login),
  };
}
