import { type Sluice, tenantPath } from "../client/index.js";
import { attribute, type DataSource, problem, Refused } from "../framework/index.js";
import { explained, externalId, poolerUriAttribute, poolerUris, textOf } from "../resources/index.js";
import { TENANT_VIEW, tenantView } from "./tenant-view.js";

export const tenantData: DataSource<Sluice> = {
  schema: {
    description: "A tenant that is there, whoever made it.",
    attributes: {
      external_id: attribute("string", "The tenant's name.", { required: true, checks: [externalId] }),
      ...TENANT_VIEW,
      generation: attribute("number", "The fleet's number of the tenant's newest change.", {
        computed: true,
      }),
      pooler_uri: poolerUriAttribute("Where clients connect; they add the user.", []),
    },
  },
  async read(sluice, config) {
    const tenant = textOf(config.external_id);
    const stored = await explained(`read the tenant "${tenant}"`, sluice.tenants.find(tenantPath(tenant)));
    if (stored === undefined) {
      const text = `The control plane has no tenant "${tenant}".`;
      throw new Refused([problem("There is no such tenant", text, ["external_id"])]);
    }
    return {
      ...tenantView(stored.record),
      generation: stored.generation ?? null,
      pooler_uri: poolerUris(sluice, { tenant, database: stored.record.db_database }),
    };
  },
};
