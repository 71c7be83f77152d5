import { generateKeyPairSync } from "node:crypto";
import { keyIdOf, rawPublicKey } from "@sluice/shared/bundle";
import { runCommand } from "./command-line.js";
import { writeNewFile } from "./key-file.js";

await runCommand({
  usage: [
    "create-key --out-private FILE --out-public FILE",
    "",
    "Makes an Ed25519 key for signing: a root key (keep it offline), a config key, or a key for data-plane tokens.",
    "The private file is for its owner only (0600). Files that exist are left as they are.",
  ].join("\n"),
  options: ["out-private", "out-public"],
  run: async (options) => {
    const privatePath = options.one("out-private");
    const publicPath = options.one("out-public");
    const { privateKey, publicKey } = generateKeyPairSync("ed25519");
    const raw = rawPublicKey(publicKey);
    await writeNewFile(privatePath, privateKey.export({ format: "pem", type: "pkcs8" }).toString(), 0o600);
    await writeNewFile(publicPath, publicKey.export({ format: "pem", type: "spki" }).toString(), 0o644);
    return [
      `key id: ${keyIdOf(raw)}`,
      `raw public key, as TRUST_ROOT_KEYS takes it: ${Buffer.from(raw).toString("base64")}`,
    ].join("\n");
  },
});
