import { describe, expect, it } from "vitest";
import type { KnownParameters } from "./known-parameters.js";
import type { Pool } from "./pool.js";
import { TenantPools } from "./tenant-pools.js";

/** As far as it is looked at here. */
const poolOf = (known: KnownParameters): Pool => ({ known, retired: false }) as unknown as Pool;

describe("what is known of a tenant's databases", () => {
  it("is of the last ones only, and of those that have a pool", () => {
    const pools = new TenantPools<{ readonly pool: Pool }>();
    const used = pools.knownOf("used");
    pools.add("used", { pool: poolOf(used) });
    for (let i = 0; i < 10_000; i++) pools.knownOf(`d${i}`).learn(new Map([["number", `${i}`]]), undefined);
    expect(pools.knownOf("used")).toBe(used);
    expect(pools.knownOf("d9999").base?.get("number")).toBe("9999");
    expect(pools.knownOf("d0").base).toBeUndefined();
  });
});
