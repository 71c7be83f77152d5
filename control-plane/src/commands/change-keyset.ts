import { runCommand, UsageError } from "./command-line.js";
import { readPrivateKey } from "./key-file.js";
import { type ConfigKey, readConfigKey, readKeyset, writeKeyset } from "./keyset-file.js";

await runCommand({
  usage: [
    "change-keyset --keyset FILE --root-key PRIVATE [--root-key PRIVATE] --expires-days N",
    "              [--add-key PUBLIC[=REGION,REGION]] [--revoke-key KEY_ID] [--raise-epoch-to N]",
    "",
    "Puts the next version in the place of a keyset: with another key (all regions, or those named), without one, in a",
    "higher epoch, or only good for longer. show-keyset shows what is there. Control planes see the file within 2 s.",
  ].join("\n"),
  options: ["keyset", "root-key", "expires-days", "add-key", "revoke-key", "raise-epoch-to"],
  run: async (options) => {
    const path = options.one("keyset");
    const days = options.wholeNumber("expires-days", 1, 36_500);
    const roots = await Promise.all(options.all("root-key").map(readPrivateKey));
    const before = await readKeyset(path, roots);
    if (before === undefined)
      throw new UsageError(`${path} is not there; publish-keyset makes the first one`);
    const added = await Promise.all(options.any("add-key").map(readConfigKey));
    const configKeys = without([...before.configKeys], options.any("revoke-key"));
    for (const { key, scopes } of added) {
      if (configKeys.some((known) => known.key.id === key.id)) {
        throw new UsageError(
          `the keyset lists key ${key.id} already; revoke it first to give it other regions`,
        );
      }
      configKeys.push({ key, scopes });
    }
    if (configKeys.length === 0) throw new UsageError("no key would be left to sign configuration");
    const raised = options.optional("raise-epoch-to");
    const minEpoch =
      raised === undefined
        ? before.minEpoch
        : BigInt(options.wholeNumber("raise-epoch-to", Number(before.minEpoch) + 1, Number.MAX_SAFE_INTEGER));
    return writeKeyset(path, roots, { version: before.version + 1n, minEpoch, configKeys, days });
  },
});

function without(keys: readonly ConfigKey[], revoked: readonly string[]): ConfigKey[] {
  for (const id of revoked) {
    if (!keys.some(({ key }) => key.id === id)) {
      throw new UsageError(`the keyset has no key ${id}; it has ${keys.map(({ key }) => key.id).join(", ")}`);
    }
  }
  return keys.filter(({ key }) => !revoked.includes(key.id));
}
