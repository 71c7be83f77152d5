import {
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  randomUUID,
} from "node:crypto";
import { link, mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import { systemCodeOf } from "../errors/index.js";
import { KeyUnusable } from "./secret-failure.js";

/** An instance's X25519 private key from PEM (PKCS8). @throws KeyUnusable */
export function parseNodeKey(pem: string): KeyObject {
  let key: KeyObject;
  try {
    key = createPrivateKey(pem);
  } catch {
    // OpenSSL's own error may quote the input.
    throw new KeyUnusable("the node key", "it is not a PEM private key");
  }
  if (key.asymmetricKeyType !== "x25519") {
    throw new KeyUnusable("the node key", `it is an ${key.asymmetricKeyType} key, wanted is x25519`);
  }
  return key;
}

export function makeNodeKey(): { readonly key: KeyObject; readonly pem: string } {
  const { privateKey } = generateKeyPairSync("x25519");
  return { key: privateKey, pem: privateKey.export({ format: "pem", type: "pkcs8" }).toString() };
}

/** The raw public key, 32 bytes: what an instance registers when it connects. */
export function rawNodePublicKey(privateKey: KeyObject): Uint8Array {
  return fromJwk(createPublicKey(privateKey).export({ format: "jwk" }).x);
}

/** 32 bytes. Secret. */
export function rawNodePrivateKey(privateKey: KeyObject): Uint8Array {
  return fromJwk(privateKey.export({ format: "jwk" }).d);
}

/**
 * Reads the key, or makes it (file 0600, folder 0700) where there is none. Two processes that start at the same
 * moment end with the same key: the file appears whole, by `link`, and once.
 * @throws KeyUnusable when a file is there and is no such key: it is never replaced.
 */
export async function loadOrMakeNodeKey(path: string): Promise<KeyObject> {
  const found = await readIfThere(path);
  if (found !== undefined) return parseNodeKey(found);
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  const made = makeNodeKey();
  // Not the pid: the first process of every container has the same one.
  const temporary = `${path}.${randomUUID()}.new`;
  await writeFile(temporary, made.pem, { mode: 0o600, flush: true });
  try {
    await link(temporary, path);
    return made.key;
  } catch (error) {
    if (systemCodeOf(error) !== "EEXIST") throw error;
    return parseNodeKey(await readFile(path, "utf8"));
  } finally {
    await rm(temporary, { force: true });
  }
}

async function readIfThere(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    if (systemCodeOf(error) === "ENOENT") return undefined;
    throw new KeyUnusable("the node key", `${path} cannot be read`, error);
  }
}

function fromJwk(member: string | undefined): Uint8Array {
  if (member === undefined) throw new KeyUnusable("the node key", "it has no such part");
  return Buffer.from(member, "base64url");
}
