import { silentLogger } from "@sluice/shared/observability";
import { FakeClock } from "@sluice/shared/time";
import { describe, expect, it } from "vitest";
import { PoolMeter } from "../metrics/index.js";
import { KnownParameters } from "./known-parameters.js";
import { LocalPermits } from "./permits.js";
import { Pool } from "./pool.js";
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

describe("a pool that nobody uses", () => {
  /** One that can open nothing. */
  const pausedPool = (clock: FakeClock): Pool =>
    new Pool({
      name: "test",
      mode: "transaction",
      permits: new LocalPermits(1),
      clock,
      logger: silentLogger,
      rules: {
        size: 1,
        minSize: 0,
        idleTimeoutMs: 600_000,
        lifetimeMs: 3_600_000,
        connectTimeoutMs: 15_000,
        checkoutTimeoutMs: 1000,
        reset: "tracked",
        maxPinned: 1,
        pausedUntilMs: clock.now() + 86_400_000,
      },
      meter: new PoolMeter({ tenant: "t", database: "d", user: "u", mode: "transaction" }),
      known: new KnownParameters(),
      connect: () => Promise.reject(new Error("nobody asks")),
    });

  it("leaves nothing behind that waits for the end of a pause", () => {
    const clock = new FakeClock();
    const pools = new TenantPools<{ readonly pool: Pool }>();
    const byRecord = pausedPool(clock);
    const byOperator = pausedPool(clock);
    byOperator.hold(true);
    pools.add("by the tenant's record", { pool: byRecord });
    pools.add("by an operator", { pool: byOperator });
    pools.reap();
    expect(pools.size).toBe(0);
    expect(clock.pendingTimers).toBe(0);
    // Whoever had it in hand asks for another one.
    expect([byRecord.retired, byOperator.retired]).toEqual([true, true]);
  });
});
