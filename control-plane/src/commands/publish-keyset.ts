import { runCommand, UsageError } from "./command-line.js";
import { readPrivateKey } from "./key-file.js";
import { readConfigKey, readKeyset, writeKeyset } from "./keyset-file.js";

const LARGEST = Number.MAX_SAFE_INTEGER;

await runCommand({
  usage: [
    "publish-keyset --root-key PRIVATE [--root-key PRIVATE] --config-key PUBLIC[=REGION,REGION] [--config-key ...]",
    "               --version N --min-epoch N --expires-days N --out FILE",
    "",
    "Signs the list of keys that may sign configuration, for all regions or for those named. Each version is higher",
    "than the last one; the epoch never goes down. A file that holds an older version is replaced.",
    "To change one that is in use: change-keyset.",
  ].join("\n"),
  options: ["root-key", "config-key", "version", "min-epoch", "expires-days", "out"],
  run: async (options) => {
    const version = BigInt(options.wholeNumber("version", 1, LARGEST));
    const minEpoch = BigInt(options.wholeNumber("min-epoch", 1, LARGEST));
    const days = options.wholeNumber("expires-days", 1, 36_500);
    const out = options.one("out");
    const roots = await Promise.all(options.all("root-key").map(readPrivateKey));
    const configKeys = await Promise.all(options.all("config-key").map(readConfigKey));
    const before = await readKeyset(out, roots);
    if (before !== undefined && version <= before.version) {
      throw new UsageError(`${out} holds version ${before.version}: --version must be higher`);
    }
    if (before !== undefined && minEpoch < before.minEpoch) {
      throw new UsageError(`${out} has epoch ${before.minEpoch}: --min-epoch cannot be lower`);
    }
    return writeKeyset(out, roots, { version, minEpoch, configKeys, days });
  },
});
