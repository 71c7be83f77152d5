import { randomUUID } from "node:crypto";
import { isRegion, scopeOfRegion } from "@sluice/shared/bundle";
import { silentLogger } from "@sluice/shared/observability";
import { systemClock } from "@sluice/shared/time";
import { readDatabaseUrl } from "../config.js";
import { allowMassRemoval, makeDataSource } from "../persistence/index.js";
import { runCommand, UsageError } from "./command-line.js";

await runCommand({
  usage: [
    "DATABASE_URL=... allow-mass-removal --region NAME --minutes N --by WHO",
    "",
    "Data planes refuse a snapshot that drops more than 20 % and at least 20 of their tenants (MASS_REMOVAL) unless it",
    "is marked as wanted. This marks those of a region for some minutes, and offers it again; the audit says who did.",
    "First make sure that the tenants are to go: GET /api/tenants shows what is left.",
  ].join("\n"),
  options: ["region", "minutes", "by"],
  run: async (options) => {
    const region = options.one("region");
    if (!isRegion(region)) throw new UsageError(`${JSON.stringify(region)} is no region's name`);
    const minutes = options.wholeNumber("minutes", 1, 24 * 60);
    const by = options.one("by");
    const url = readDatabaseUrl(process.env);
    const dataSource = makeDataSource({ url, poolSize: 1, logger: silentLogger });
    await dataSource.initialize();
    try {
      const now = new Date(systemClock.now());
      const until = new Date(now.getTime() + minutes * 60_000);
      const actor = { subject: by, jti: null, tokenId: "command", requestId: randomUUID() };
      const generation = await allowMassRemoval(dataSource, {
        scope: scopeOfRegion(region),
        until,
        actor,
        now,
      });
      if (generation === undefined) throw new UsageError(`region ${region} has never had a data plane`);
      return `generation ${generation}: until ${until.toISOString()} snapshots of region ${region} may drop any number of tenants`;
    } finally {
      await dataSource.destroy();
    }
  },
});
