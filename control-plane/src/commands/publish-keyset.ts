import { readFileSync, writeFileSync } from "node:fs";
import { publicKeyFromPem, signerFromPem, signKeyset } from "@sluice/shared/bundle";
import { runCommand } from "./command-line.js";

const USAGE = `usage: publish-keyset --root-key FILE [--root-key FILE] --config-key PUBLIC_FILE [--config-key PUBLIC_FILE]
         --version N --min-epoch N --expires-days N --out FILE
Signs the list of keys that may sign configuration. The file goes to the control planes as KEYSET_PATH.`;

const DAY_MS = 24 * 3600 * 1000;

runCommand(
  USAGE,
  {
    "root-key": { type: "string", multiple: true },
    "config-key": { type: "string", multiple: true },
    version: { type: "string" },
    "min-epoch": { type: "string" },
    "expires-days": { type: "string" },
    out: { type: "string" },
  },
  async (line) => {
    const signers = line.many("root-key").map((path) => signerFromPem(readFileSync(path, "utf8")));
    const configKeys = line.many("config-key").map((path) => publicKeyFromPem(readFileSync(path, "utf8")));
    const nowMs = Date.now();
    const envelope = await signKeyset(signers, {
      version: BigInt(line.count("version")),
      minEpoch: BigInt(line.count("min-epoch")),
      issuedAtMs: BigInt(nowMs),
      expiresAtMs: BigInt(nowMs + line.count("expires-days") * DAY_MS),
      configKeys: configKeys.map((key) => ({ publicKey: key.raw, scopes: [] })),
    });
    writeFileSync(line.one("out"), envelope, { mode: 0o644 });
  },
);
