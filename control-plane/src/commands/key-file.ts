import { createPrivateKey, type KeyObject } from "node:crypto";
import { readFile, writeFile } from "node:fs/promises";
import { type PublicKey, publicKeyFromPem, type Signer, signerOf } from "@sluice/shared/bundle";
import { messageOf, systemCodeOf } from "@sluice/shared/errors";
import { UsageError } from "./command-line.js";

/** @throws UsageError that names the file. */
export async function readPublicKey(path: string): Promise<PublicKey> {
  const pem = await readKeyFile(path);
  return told(path, () => publicKeyFromPem(pem));
}

/** @throws UsageError that names the file. */
export async function readPrivateKey(path: string): Promise<{ key: KeyObject; signer: Signer }> {
  const pem = await readKeyFile(path);
  return told(path, () => {
    let key: KeyObject;
    try {
      key = createPrivateKey(pem);
    } catch {
      // OpenSSL's own error may quote the input.
      throw new Error("is not a PEM private key");
    }
    return { key, signer: signerOf(key) };
  });
}

/** Writes a file that must not be there yet: a key that is in use is never replaced by mistake. */
export async function writeNewFile(path: string, content: string, mode: number): Promise<void> {
  try {
    await writeFile(path, content, { mode, flag: "wx", flush: true });
  } catch (error) {
    if (systemCodeOf(error) === "EEXIST") throw new UsageError(`${path} exists already and is left as it is`);
    throw new UsageError(messageOf(error));
  }
}

async function readKeyFile(path: string): Promise<string> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    throw new UsageError(messageOf(error));
  }
}

function told<T>(path: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    throw new UsageError(`${path}: ${messageOf(error)}`);
  }
}
