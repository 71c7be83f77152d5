import { isRegion } from "@sluice/shared/bundle";
import { mintDataPlaneToken } from "../stream/index.js";
import { type Options, runCommand, UsageError } from "./command-line.js";
import { readPrivateKey, writeNewFile } from "./key-file.js";

await runCommand({
  usage: [
    "mint-token --stream-key PRIVATE --group NAME --region NAME --days N [--out FILE]",
    "",
    "Makes the token that a data plane shows to the control plane: DATA_PLANE_TOKEN, or DATA_PLANE_TOKEN_PATH for",
    "the file. Data planes of one group share it; the region decides which tenants they are given.",
  ].join("\n"),
  options: ["stream-key", "group", "region", "days", "out"],
  run: async (options) => {
    const group = readName(options, "group");
    const region = readName(options, "region");
    const days = options.wholeNumber("days", 1, 36_500);
    const { key } = await readPrivateKey(options.one("stream-key"));
    const token = await mintDataPlaneToken(key, { group, region, days }, Date.now());
    const out = options.optional("out");
    if (out === undefined) return token;
    await writeNewFile(out, `${token}\n`, 0o600);
    return `token for group ${group} in region ${region}, good for ${days} days: ${out}`;
  },
});

function readName(options: Options, option: string): string {
  const name = options.one(option);
  if (!isRegion(name)) {
    throw new UsageError(
      `--${option} must be letters, digits, "." "_" "-", at most 63, not ${JSON.stringify(name)}`,
    );
  }
  return name;
}
