import { readFile, rename, writeFile } from "node:fs/promises";
import {
  isRegion,
  openKeyset,
  type PublicKey,
  publicKeyFromRaw,
  rawPublicKey,
  scopeOfRegion,
  signKeyset,
  type TrustedKeyset,
} from "@sluice/shared/bundle";
import { messageOf, systemCodeOf } from "@sluice/shared/errors";
import { UsageError } from "./command-line.js";
import { type readPrivateKey, readPublicKey } from "./key-file.js";

const DAY_MS = 24 * 3600 * 1000;

export type RootKey = Awaited<ReturnType<typeof readPrivateKey>>;

/** A key that may sign configuration. No scopes: all. */
export interface ConfigKey {
  readonly key: PublicKey;
  readonly scopes: readonly string[];
}

export interface KeysetContent {
  readonly version: bigint;
  readonly minEpoch: bigint;
  readonly configKeys: readonly ConfigKey[];
  readonly days: number;
}

/** From `FILE`, or `FILE=region,region` for a key that may sign for these regions only. @throws UsageError */
export async function readConfigKey(argument: string): Promise<ConfigKey> {
  const at = argument.lastIndexOf("=");
  const path = at === -1 ? argument : argument.slice(0, at);
  const regions = at === -1 ? [] : argument.slice(at + 1).split(",");
  for (const region of regions) {
    if (!isRegion(region))
      throw new UsageError(`${JSON.stringify(region)} in ${argument} is no region's name`);
  }
  return { key: await readPublicKey(path), scopes: regions.map(scopeOfRegion) };
}

/** Undefined: there is none. @throws UsageError when what is there is no keyset of one of these root keys. */
export async function readKeyset(
  path: string,
  roots: readonly RootKey[],
): Promise<TrustedKeyset | undefined> {
  const bytes = await readBytes(path);
  if (bytes === undefined) return undefined;
  const keys = roots.map(({ key }) => publicKeyFromRaw(rawPublicKey(key)));
  try {
    return openKeyset(bytes, { keys, threshold: 1 });
  } catch {
    throw new UsageError(`${path} is there and is no keyset of this root key; move it away first`);
  }
}

export async function readBytes(path: string): Promise<Buffer | undefined> {
  try {
    return await readFile(path);
  } catch (error) {
    if (systemCodeOf(error) === "ENOENT") return undefined;
    throw new UsageError(messageOf(error));
  }
}

/** Signs by all root keys and replaces the file as a whole. @returns what an operator wants to read */
export async function writeKeyset(
  path: string,
  roots: readonly RootKey[],
  { version, minEpoch, configKeys, days }: KeysetContent,
): Promise<string> {
  const nowMs = Date.now();
  const expiresAtMs = nowMs + days * DAY_MS;
  const envelope = await signKeyset(
    roots.map(({ signer }) => signer),
    {
      version,
      minEpoch,
      issuedAtMs: BigInt(nowMs),
      expiresAtMs: BigInt(expiresAtMs),
      configKeys: configKeys.map(({ key, scopes }) => ({
        publicKey: Uint8Array.from(key.raw),
        scopes: [...scopes],
      })),
    },
  );
  const temporary = `${path}.new`;
  await writeFile(temporary, envelope, { flush: true });
  await rename(temporary, path);
  return describeKeyset({ version, minEpoch, expiresAtMs, configKeys });
}

export function describeKeyset({
  version,
  minEpoch,
  expiresAtMs,
  configKeys,
}: Pick<TrustedKeyset, "version" | "minEpoch" | "expiresAtMs" | "configKeys">): string {
  const keys = configKeys.map(({ key, scopes }) => `  key ${key.id}, ${scopes.join(" ") || "every region"}`);
  return [
    `keyset ${version}, epoch ${minEpoch}, expires ${new Date(expiresAtMs).toISOString()}`,
    ...keys,
  ].join("\n");
}
