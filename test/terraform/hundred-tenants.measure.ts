import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Fleet, startFleet } from "@sluice/local/fleet";
import { afterAll, beforeAll, expect, inject, it } from "vitest";
import { CHECKOUT } from "../support/development-run.js";
import { managedTenant, providerBlock } from "./sample-configuration.js";
import { TerraformFolder } from "./terraform-folder.js";
import { describeTerraform } from "./terraform-run.js";

const TENANTS = 100;
/** All commands together stay below the 1,000 requests a minute that one token may send. */
const PLANS = 3;

describeTerraform("a hundred tenants in Terraform", () => {
  const postgres = inject("postgres");
  let fleet: Fleet;
  let folder: TerraformFolder;

  beforeAll(async () => {
    fleet = await startFleet({ postgres });
    folder = await TerraformFolder.make("mirror");
  });
  afterAll(async () => {
    folder?.remove();
    await fleet?.stop();
  });

  it("are made, planned and destroyed below the API's rate limit, and the times go to the report", async () => {
    const many = managedTenant(postgres, "many", `count = ${TENANTS}`);
    folder.configure(
      providerBlock(fleet) + many.replace('external_id = "many"', `external_id = "many-\${count.index}"`),
    );
    await folder.ok("init", "-input=false");
    const timed = async (work: () => Promise<unknown>): Promise<number> => {
      const startMs = performance.now();
      await work();
      return Math.round(performance.now() - startMs);
    };
    const firstPlanMs = await timed(() => folder.ok("plan", "-out=the.plan"));
    const applyMs = await timed(() => folder.ok("apply", "the.plan"));
    const emptyPlanMs: number[] = [];
    while (emptyPlanMs.length < PLANS) {
      emptyPlanMs.push(
        await timed(async () => {
          expect(await folder.planIsEmpty()).toBe(true);
        }),
      );
    }
    const destroyMs = await timed(() => folder.ok("destroy", "-auto-approve"));
    const report = { tenants: TENANTS, firstPlanMs, applyMs, emptyPlanMs, destroyMs };
    mkdirSync(join(CHECKOUT, "reports"), { recursive: true });
    writeFileSync(join(CHECKOUT, "reports/terraform-plan.json"), `${JSON.stringify(report, null, 2)}\n`);
    console.info(`terraform, ${TENANTS} tenants: ${JSON.stringify(report)}`);
  });
});
