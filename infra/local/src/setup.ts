import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { messageOf } from "@sluice/shared/errors";
import { API_TOKEN, imageUid, makeFleetSecrets } from "./fleet-secrets.js";
import { readSetup } from "./settings.js";

/** The one-shot service of docker-compose.yml: makes what the others need, or uses it once for the operator. */
async function main(): Promise<void> {
  const { SETUP_FOLDER: folder, SETUP_REGIONS: regions, SETUP_API_URL: api } = readSetup(process.env);
  const [task = "secrets"] = process.argv.slice(2);
  const read = (path: string): string => readFileSync(join(folder, path), "utf8").trim();
  const apiTokenIsThere = existsSync(join(folder, API_TOKEN));
  switch (task) {
    case "secrets": {
      const outcome = await makeFleetSecrets({
        folder,
        regions,
        streamNames: ["control-plane"],
        databaseHost: "database",
        ...(process.getuid?.() === 0 ? { uid: imageUid } : {}),
      });
      process.stdout.write(`keys, certificates and tokens in ${folder}: ${outcome}\n`);
      break;
    }
    case "api-token":
      if (!apiTokenIsThere) throw new Error(withoutApiToken(folder));
      process.stdout.write(`${read(API_TOKEN)}\n`);
      break;
    case "demo-tenant": {
      // No failure: compose comes here each time it starts the fleet, also with the operator's folder away for good.
      if (!apiTokenIsThere) {
        process.stdout.write(`tenant demo: left as it is. ${withoutApiToken(folder)}\n`);
        break;
      }
      const answer = await fetch(`${api}/api/tenants/demo`, {
        method: "PUT",
        headers: {
          authorization: `Bearer ${read(API_TOKEN)}`,
          "content-type": "application/json",
        },
        body: JSON.stringify({ tenant: demoTenant(read("demo-database/password")) }),
        signal: AbortSignal.timeout(30_000),
      });
      if (!answer.ok) throw new Error(`PUT /api/tenants/demo: ${answer.status} ${await answer.text()}`);
      process.stdout.write(`tenant demo: ${answer.status}\n`);
      break;
    }
    case "demo-url":
      process.stdout.write(
        `postgresql://postgres.demo:${read("demo-database/password")}@localhost:6543/postgres\n`,
      );
      break;
    default:
      throw new Error(`there are secrets, api-token, demo-tenant and demo-url, not ${task}`);
  }
}

function withoutApiToken(folder: string): string {
  return (
    `${API_TOKEN} is not in ${folder}: put it back from where the operator's folder is kept, ` +
    "or use the token from there"
  );
}

function demoTenant(password: string): object {
  return {
    db_host: "demo-database",
    db_port: 5432,
    db_database: "postgres",
    require_user: true,
    users: [
      {
        db_user: "postgres",
        db_password: password,
        pool_size: 10,
        mode_type: "transaction",
        is_manager: true,
      },
    ],
  };
}

main().catch((error: unknown) => {
  process.stderr.write(`setup: ${messageOf(error)}\n`);
  process.exit(1);
});
