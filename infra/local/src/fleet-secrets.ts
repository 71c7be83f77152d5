import { createPublicKey, generateKeyPairSync, randomBytes } from "node:crypto";
import { copyFileSync, existsSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { SignJWT } from "jose";
import { certificateOf, newCertificateKey } from "./certificates.js";
import { command, rawPublicKey } from "./credentials.js";
import { missingSecrets, type SecretFile } from "./missing-secrets.js";
import { clearStaging, newFile } from "./new-file.js";

/** Who runs in the images. */
const IMAGE_UID = 65_532;
const DAYS = "3650";
const TOKEN_LIFETIME = "365d";
/** The folder that no service needs. */
const OPERATOR = "operator";
/** In the folder of secrets. */
export const API_TOKEN = `${OPERATOR}/api-token`;

export interface FleetSecretsOptions {
  /** Gets one folder for each service, and `operator` for whoever runs the fleet. */
  readonly folder: string;
  readonly regions: readonly string[];
  /** Names by which the control plane's stream is reached. */
  readonly streamNames: readonly string[];
  /** Without the password. */
  readonly databaseHost: string;
  /** Owner of what is written; undefined leaves it to whoever runs this. */
  readonly uid?: number;
}

/**
 * All keys, certificates, tokens and passwords of a fleet, each only in the folder of the service that needs it. What is
 * there is never written again: a run that was stopped is finished by the next one, a region that is new gets its own
 * from the operator's keys, and with all that services need the operator's folder may be elsewhere.
 * @throws SecretTakenAway for what can be made only with something that is kept elsewhere
 */
export async function makeFleetSecrets(options: FleetSecretsOptions): Promise<"made" | "there already"> {
  const { folder, uid } = options;
  const files = fleetSecrets(options);
  const at = ({ path }: SecretFile): string => join(folder, path);
  const isThere = (file: SecretFile): boolean => existsSync(at(file));
  for (const service of new Set(files.map((file) => dirname(at(file)))))
    if (existsSync(service)) clearStaging(service);
  const ofServices = files.filter(({ path }) => dirname(path) !== OPERATOR);
  if (ofServices.every(isThere)) return "there already";
  const wanted = files.filter((file) => file.path === API_TOKEN || ofServices.includes(file));
  const missing = missingSecrets(files, wanted, isThere);
  for (const file of missing) await newFile(at(file), { mode: file.mode, uid, make: file.make });
  return "made";
}

export const imageUid = IMAGE_UID;

function fleetSecrets(options: FleetSecretsOptions): readonly SecretFile[] {
  const { folder, regions, streamNames, databaseHost } = options;
  const files: SecretFile[] = [];
  const at = ({ path }: SecretFile): string => join(folder, path);
  const read = (file: SecretFile): string => readFileSync(at(file), "utf8").trim();
  const file = (
    path: string,
    from: readonly SecretFile[],
    make: SecretFile["make"],
    mode = 0o400,
  ): SecretFile => {
    const made = { path, from, mode, make };
    files.push(made);
    return made;
  };
  const text = (
    path: string,
    from: readonly SecretFile[],
    content: () => string | Promise<string>,
    mode = 0o400,
  ): SecretFile => file(path, from, async (staged) => writeFileSync(staged, await content()), mode);
  const copy = (path: string, from: SecretFile): SecretFile =>
    file(path, [from], (staged) => copyFileSync(at(from), staged));
  const password = (path: string): SecretFile =>
    text(path, [], () => randomBytes(24).toString("base64url"), 0o444);
  const keyPair = (name: string): { readonly secret: SecretFile; readonly known: SecretFile } => {
    const secret = text(`${OPERATOR}/${name}.pem`, [], newKey);
    return { secret, known: text(`${OPERATOR}/${name}.pub.pem`, [secret], () => publicKeyOf(read(secret))) };
  };
  const certificate = (path: string, commonName: string, names: readonly string[]): SecretFile => {
    const key = text(`${path}.key`, [], newCertificateKey);
    return text(`${path}.crt`, [key], () => certificateOf(read(key), commonName, names));
  };

  const root = keyPair("root");
  const config = keyPair("config");
  const streamToken = keyPair("stream-token");
  const keyset = file(`${OPERATOR}/keyset`, [root.secret, config.known], (staged) =>
    command(
      "publish-keyset",
      ...["--root-key", at(root.secret), "--config-key", at(config.known)],
      ...["--version", "1", "--min-epoch", "1", "--expires-days", DAYS, "--out", staged],
    ),
  );
  const rootKeys = (service: string): SecretFile =>
    text(`${service}/root-keys`, [root.known], () => rawPublicKey(at(root.known)));
  const stream = certificate("control-plane/stream", "sluice stream", streamNames);

  const apiSecret = text("control-plane/api-jwt-secret", [], () => randomBytes(48).toString("base64"));
  const metricsSecret = text("control-plane/metrics-jwt-secret", [], () =>
    randomBytes(48).toString("base64"),
  );
  const vaultKey = text("control-plane/vault-enc-key", [], () => randomBytes(24).toString("base64"));
  text(API_TOKEN, [apiSecret], () => token(read(apiSecret), "operator"));
  rootKeys("control-plane");
  copy("control-plane/config.pem", config.secret);
  copy("control-plane/keyset", keyset);
  copy("control-plane/stream-token.pub.pem", streamToken.known);
  text("prometheus/metrics-token", [metricsSecret], () => token(read(metricsSecret), "prometheus"), 0o444);
  password("demo-database/password");
  const databasePassword = password("database/password");
  // What the vault's key has sealed is in the database: where that can be reached, the key may be in use.
  text(
    "control-plane/database-url",
    [databasePassword, vaultKey],
    () => `postgres://sluice:${read(databasePassword)}@${databaseHost}/sluice`,
  );

  for (const region of regions) {
    const service = `data-plane-${region}`;
    certificate(`${service}/client`, "sluice", [service]);
    copy(`${service}/stream-ca.crt`, stream);
    rootKeys(service);
    file(`${service}/token`, [streamToken.secret], (staged) =>
      command(
        "mint-token",
        ...["--stream-key", at(streamToken.secret), "--group", region, "--region", region],
        ...["--days", DAYS, "--out", staged],
      ),
    );
  }
  return files;
}

function newKey(): string {
  return generateKeyPairSync("ed25519").privateKey.export({ format: "pem", type: "pkcs8" }).toString();
}

function publicKeyOf(key: string): string {
  return createPublicKey(key).export({ format: "pem", type: "spki" }).toString();
}

function token(secret: string, subject: string): Promise<string> {
  return new SignJWT({ role: "admin" })
    .setProtectedHeader({ alg: "HS256", typ: "JWT" })
    .setSubject(subject)
    .setIssuedAt()
    .setExpirationTime(TOKEN_LIFETIME)
    .sign(Buffer.from(secret));
}
