import { generateKeyPairSync } from "node:crypto";
import { rawPublicKey } from "@sluice/shared/bundle";
import { runCommand, writeNewFile } from "./command-line.js";

const USAGE = `usage: create-key --out-private FILE --out-public FILE
Makes an Ed25519 key for root, config or stream tokens. Prints the raw public key in base64, as TRUST_ROOT_KEYS wants it.`;

runCommand(USAGE, { "out-private": { type: "string" }, "out-public": { type: "string" } }, async (line) => {
  const { privateKey, publicKey } = generateKeyPairSync("ed25519");
  writeNewFile(line.one("out-private"), privateKey.export({ type: "pkcs8", format: "pem" }), 0o600);
  writeNewFile(line.one("out-public"), publicKey.export({ type: "spki", format: "pem" }), 0o644);
  console.log(Buffer.from(rawPublicKey(publicKey)).toString("base64"));
});
