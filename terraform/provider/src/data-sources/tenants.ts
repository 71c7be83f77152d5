import type { Sluice, TenantRecord } from "../client/index.js";
import { attribute, bytes, type DataSource, nestedAttribute } from "../framework/index.js";
import type { Values } from "../protocol/index.js";
import { explained } from "../resources/index.js";
import { TENANT_VIEW, tenantView } from "./tenant-view.js";

/** The API's greatest page. */
const PAGE = 1000;

interface Page {
  readonly data: readonly TenantRecord[];
  readonly next_cursor: string | null;
}

export const tenantsData: DataSource<Sluice> = {
  schema: {
    description: "All tenants, or those that match. Filters may be joined.",
    attributes: {
      region: attribute("string", "Served in this region; those of every region are too.", {
        optional: true,
        checks: [bytes(63)],
      }),
      db_host: attribute("string", "This host of the database.", { optional: true, checks: [bytes(253)] }),
      banned: attribute("bool", "Whether a ban is in force now.", { optional: true }),
      q: attribute("string", "A text in the external_id, the database's host or name, or a user's name.", {
        optional: true,
        checks: [bytes(255)],
      }),
      external_ids: attribute(["list", "string"], "Their names, in order.", { computed: true }),
      tenants: nestedAttribute(
        {
          mode: "list",
          attributes: {
            external_id: attribute("string", "The tenant's name.", { computed: true }),
            ...TENANT_VIEW,
          },
        },
        "The tenants, ordered by name.",
        { computed: true },
      ),
    },
  },
  async read(sluice, config) {
    const records = await explained("list the tenants", listed(sluice, config));
    return {
      ...config,
      external_ids: records.map(({ external_id: name }) => name),
      tenants: records.map(tenantView),
    };
  },
};

async function listed({ api }: Sluice, filter: Values): Promise<readonly TenantRecord[]> {
  const found: TenantRecord[] = [];
  let cursor: string | null = null;
  do {
    const query = new URLSearchParams({ limit: String(PAGE) });
    for (const name of ["region", "db_host", "banned", "q"]) {
      const value = filter[name] ?? null;
      if (value !== null) query.set(name, String(value));
    }
    if (cursor !== null) query.set("cursor", cursor);
    const { data }: { data: Page } = await api.send<Page>({ method: "GET", path: `/api/tenants?${query}` });
    found.push(...data.data);
    cursor = data.next_cursor;
  } while (cursor !== null);
  return found;
}
