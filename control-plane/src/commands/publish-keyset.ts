import { readFile, rename, writeFile } from "node:fs/promises";
import {
  openKeyset,
  publicKeyFromRaw,
  rawPublicKey,
  signKeyset,
  type TrustedKeys,
} from "@sluice/shared/bundle";
import { messageOf, systemCodeOf } from "@sluice/shared/errors";
import { runCommand, UsageError } from "./command-line.js";
import { readPrivateKey, readPublicKey } from "./key-file.js";

const DAY_MS = 24 * 3600 * 1000;
const LARGEST = Number.MAX_SAFE_INTEGER;

await runCommand({
  usage: [
    "publish-keyset --root-key PRIVATE [--root-key PRIVATE] --config-key PUBLIC [--config-key PUBLIC]",
    "               --version N --min-epoch N --expires-days N --out FILE",
    "",
    "Signs the list of keys that may sign configuration. Each version is higher than the last one; the epoch never",
    "goes down. A file that holds an older version is replaced.",
  ].join("\n"),
  options: ["root-key", "config-key", "version", "min-epoch", "expires-days", "out"],
  run: async (options) => {
    const version = options.wholeNumber("version", 1, LARGEST);
    const minEpoch = options.wholeNumber("min-epoch", 1, LARGEST);
    const days = options.wholeNumber("expires-days", 1, 36_500);
    const out = options.one("out");
    const roots = await Promise.all(options.all("root-key").map(readPrivateKey));
    const configKeys = await Promise.all(options.all("config-key").map(readPublicKey));
    const rootKeys = {
      keys: roots.map(({ key }) => publicKeyFromRaw(rawPublicKey(key))),
      threshold: 1,
    };
    await checkSuccession(out, rootKeys, version, minEpoch);
    const nowMs = Date.now();
    const expiresAtMs = nowMs + days * DAY_MS;
    const envelope = await signKeyset(
      roots.map(({ signer }) => signer),
      {
        version: BigInt(version),
        minEpoch: BigInt(minEpoch),
        issuedAtMs: BigInt(nowMs),
        expiresAtMs: BigInt(expiresAtMs),
        configKeys: configKeys.map(({ raw }) => ({ publicKey: Uint8Array.from(raw), scopes: [] })),
      },
    );
    const temporary = `${out}.new`;
    await writeFile(temporary, envelope, { flush: true });
    await rename(temporary, out);
    return `keyset ${version}, epoch ${minEpoch}, keys ${configKeys.map(({ id }) => id).join(", ")}, expires ${new Date(expiresAtMs).toISOString()}`;
  },
});

async function checkSuccession(
  path: string,
  rootKeys: TrustedKeys,
  version: number,
  minEpoch: number,
): Promise<void> {
  let bytes: Uint8Array;
  try {
    bytes = await readFile(path);
  } catch (error) {
    if (systemCodeOf(error) === "ENOENT") return;
    throw new UsageError(messageOf(error));
  }
  let before: ReturnType<typeof openKeyset>;
  try {
    before = openKeyset(bytes, rootKeys);
  } catch {
    throw new UsageError(`${path} is there and is no keyset of this root key; move it away first`);
  }
  if (BigInt(version) <= before.version) {
    throw new UsageError(`${path} holds version ${before.version}: --version must be higher`);
  }
  if (BigInt(minEpoch) < before.minEpoch) {
    throw new UsageError(`${path} has epoch ${before.minEpoch}: --min-epoch cannot be lower`);
  }
}
