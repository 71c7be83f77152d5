import { readSupavisorImport } from "../config.js";
import { ApiClient } from "./api-client.js";
import { type Options, runCommand, UsageError } from "./command-line.js";
import { SupavisorImport } from "./supavisor-import.js";
import { readSupavisor } from "./supavisor-source.js";

await runCommand({
  usage: [
    "SUPAVISOR_DATABASE_URL=... SUPAVISOR_VAULT_ENC_KEY=... SLUICE_API_TOKEN=...",
    "  import-supavisor [--api http://127.0.0.1:4000] [--mode dry-run|apply]",
    "",
    "Brings tenants, users and clusters of Supavisor's metadata database to a control plane, through its API. Without",
    "--mode apply nothing is written and the report says what would be. It may be run again: what is there already is",
    "left as it is. Supavisor's database is only read. Exit code 1: something was refused, and the report says why.",
  ].join("\n"),
  options: ["api", "mode"],
  run: importSupavisor,
});

async function importSupavisor(options: Options): Promise<string> {
  const api = options.optional("api") ?? "http://127.0.0.1:4000";
  if (!URL.canParse(api)) throw new UsageError(`--api must be a URL, not ${api}`);
  const mode = options.optional("mode") ?? "dry-run";
  if (mode !== "dry-run" && mode !== "apply") throw new UsageError("--mode must be dry-run or apply");
  const config = readSupavisorImport(process.env);
  const found = await readSupavisor(config.SUPAVISOR_DATABASE_URL, config.SUPAVISOR_VAULT_ENC_KEY);
  const tell = (line: string): void => void process.stderr.write(`${line}\n`);
  const client = new ApiClient(api, config.SLUICE_API_TOKEN, tell);
  const importing = new SupavisorImport(client, mode === "apply", tell);
  const { lines, refused } = await importing.run(found);
  if (refused > 0) process.exitCode = 1;
  return lines.join("\n");
}
