import { openKeyset } from "@sluice/shared/bundle";
import { runCommand, UsageError } from "./command-line.js";
import { readPublicKey } from "./key-file.js";
import { describeKeyset, readBytes } from "./keyset-file.js";

await runCommand({
  usage: [
    "show-keyset --keyset FILE --root-key PUBLIC [--root-key PUBLIC]",
    "",
    "What a keyset says, once a signature of the root key is found on it.",
  ].join("\n"),
  options: ["keyset", "root-key"],
  run: async (options) => {
    const path = options.one("keyset");
    const keys = await Promise.all(options.all("root-key").map(readPublicKey));
    const bytes = await readBytes(path);
    if (bytes === undefined) throw new UsageError(`${path} is not there`);
    return describeKeyset(openKeyset(bytes, { keys, threshold: 1 }));
  },
});
