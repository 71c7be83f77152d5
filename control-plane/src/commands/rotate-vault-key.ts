import { silentLogger } from "@sluice/shared/observability";
import { readVaultRotation } from "../config.js";
import { makeDataSource, rotateVault, Vault } from "../persistence/index.js";
import { type Options, runCommand } from "./command-line.js";

const BATCH = 500;

await runCommand({
  usage: [
    "DATABASE_URL=... VAULT_ENC_KEY=<new> VAULT_ENC_KEY_OLD=<old> rotate-vault-key [--batch N]",
    "",
    "Writes every stored secret anew under VAULT_ENC_KEY. Ctrl-C stops it; the next run goes on where it was.",
    "In this order, so that no control plane meets a secret that it cannot open:",
    "  1. restart all control planes with VAULT_ENC_KEY=<old> and VAULT_ENC_KEY_OLD=<new>",
    "  2. restart them with VAULT_ENC_KEY=<new> and VAULT_ENC_KEY_OLD=<old>",
    "  3. run this, until it says that none are left",
    "  4. restart them without VAULT_ENC_KEY_OLD",
  ].join("\n"),
  options: ["batch"],
  run: rotate,
});

async function rotate(options: Options): Promise<string> {
  const batch = options.optional("batch") === undefined ? BATCH : options.wholeNumber("batch", 1, 10_000);
  const { DATABASE_URL: url, VAULT_ENC_KEY, VAULT_ENC_KEY_OLD } = readVaultRotation(process.env);
  const vault = new Vault(VAULT_ENC_KEY, [VAULT_ENC_KEY_OLD]);
  const dataSource = makeDataSource({ url, poolSize: 2, logger: silentLogger });
  await dataSource.initialize();
  let stopped = false;
  process.once("SIGINT", () => {
    stopped = true;
  });
  try {
    const { done, left } = await rotateVault(dataSource, vault, batch, (progress) => {
      process.stderr.write(`${progress.done} rows written anew, ${progress.left} left\n`);
      return !stopped;
    });
    return left === 0
      ? `${done} rows written anew under the key ${vault.keyId}, none are left`
      : `stopped: ${done} rows written anew, ${left} are left; run it again`;
  } finally {
    await dataSource.destroy();
  }
}
