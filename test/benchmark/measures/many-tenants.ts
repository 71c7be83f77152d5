import { cell } from "../cells.js";
import type { LoneMeasure, Row } from "../measure.js";
import { measureTenants, TENANT_COUNTS } from "../tenants.js";

/** Tenants that a worker knows and nobody uses, in a process of their own: no pooler and no database takes part. */
export const manyTenants: LoneMeasure = {
  name: "many-tenants",
  what: "tenants that a worker knows and nobody uses: memory for each, and the time until they are in force",
  async measure({ quick, note }) {
    const rows: Row[] = [];
    const rounds: Record<string, unknown> = {};
    for (const count of TENANT_COUNTS.slice(0, quick ? 2 : undefined)) {
      const name = `${count.toLocaleString("en-US")} tenants`;
      await cell(rows, name, note, async () => {
        const figures = await measureTenants(count);
        rounds[name] = figures;
        return {
          "record, bytes": figures.recordBytes,
          "RSS each, bytes": figures.residentBytesEach,
          "all in force, ms": figures.inForceMs,
          "one change, ms": figures.oneChangeMs,
          "first use, ms": figures.firstUseMs,
        };
      });
    }
    return { rows, rounds, plot: undefined };
  },
};
