import { execFile } from "node:child_process";
import { createPublicKey, randomBytes } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { makeCertificate } from "./certificates.js";
import { workspace } from "./workspace.js";

/** Every key, certificate and token that a fleet on one machine needs, as files of one folder. */
export interface Credentials {
  readonly configKeyPath: string;
  readonly keysetPath: string;
  readonly streamTokenKeyPath: string;
  readonly dataPlaneTokenPath: string;
  readonly streamCertPath: string;
  readonly streamKeyPath: string;
  readonly clientCertPath: string;
  readonly clientKeyPath: string;
  readonly vaultEncKey: string;
  /** Base64 of the raw 32 bytes, as TRUST_ROOT_KEYS wants them. */
  readonly trustRootKey: string;
}

const COMMAND_TIMEOUT_MS = 30_000;
const DAYS = "3650";

/** The region of the one data plane. */
export const LOCAL_REGION = "local";

export async function command(name: string, ...args: readonly string[]): Promise<void> {
  await promisify(execFile)(
    process.execPath,
    [join(workspace, "control-plane/dist/commands", `${name}.js`), ...args],
    { cwd: workspace, timeout: COMMAND_TIMEOUT_MS },
  );
}

async function make(folder: string): Promise<void> {
  const at = (name: string): string => join(folder, name);
  const keyPair = (name: string): Promise<void> =>
    command("create-key", "--out-private", at(`${name}.pem`), "--out-public", at(`${name}.pub.pem`));
  await Promise.all([
    keyPair("root"),
    keyPair("config"),
    keyPair("stream-token"),
    makeCertificate("sluice stream", { certPath: at("stream.crt"), keyPath: at("stream.key") }),
    makeCertificate("sluice", { certPath: at("client.crt"), keyPath: at("client.key") }),
  ]);
  // 24 bytes are 32 characters: used as they are.
  writeFileSync(at("vault-enc-key"), randomBytes(24).toString("base64"), { mode: 0o600 });
  await Promise.all([
    command(
      "publish-keyset",
      ...["--root-key", at("root.pem"), "--config-key", at("config.pub.pem")],
      ...["--version", "1", "--min-epoch", "1", "--expires-days", DAYS, "--out", at("keyset")],
    ),
    command(
      "mint-token",
      ...["--stream-key", at("stream-token.pem"), "--group", LOCAL_REGION, "--region", LOCAL_REGION],
      ...["--days", DAYS, "--out", at("data-plane-token")],
    ),
  ]);
}

export function rawPublicKey(path: string): string {
  const { x } = createPublicKey(readFileSync(path)).export({ format: "jwk" });
  if (x === undefined) throw new Error(`${path} is not an Ed25519 public key`);
  return Buffer.from(x, "base64url").toString("base64");
}

/** Makes the folder once, all of it or nothing; later calls read what is there. */
export async function prepareCredentials(folder: string): Promise<Credentials> {
  if (!existsSync(folder)) {
    const partial = `${folder}.partial`;
    rmSync(partial, { recursive: true, force: true });
    mkdirSync(dirname(folder), { recursive: true });
    mkdirSync(partial, { mode: 0o700 });
    await make(partial);
    renameSync(partial, folder);
  }
  const at = (name: string): string => join(folder, name);
  return {
    configKeyPath: at("config.pem"),
    keysetPath: at("keyset"),
    streamTokenKeyPath: at("stream-token.pub.pem"),
    dataPlaneTokenPath: at("data-plane-token"),
    streamCertPath: at("stream.crt"),
    streamKeyPath: at("stream.key"),
    clientCertPath: at("client.crt"),
    clientKeyPath: at("client.key"),
    vaultEncKey: readFileSync(at("vault-enc-key"), "utf8"),
    trustRootKey: rawPublicKey(at("root.pub.pem")),
  };
}
