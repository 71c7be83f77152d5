import { randomBytes } from "node:crypto";
import { chmodSync, chownSync, copyFileSync, existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { SignJWT } from "jose";
import { makeCertificate } from "./certificates.js";
import { command, rawPublicKey } from "./credentials.js";

/** Who runs in the images. */
const IMAGE_UID = 65_532;
const DAYS = "3650";
const TOKEN_LIFETIME = "365d";

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
 * All keys, certificates, tokens and passwords of a fleet, new, each only in the folder of the service that needs it.
 * A folder that has been filled is left as it is.
 */
export async function makeFleetSecrets(options: FleetSecretsOptions): Promise<"made" | "there already"> {
  const { folder, regions, streamNames, databaseHost } = options;
  const done = join(folder, "operator", "complete");
  if (existsSync(done)) return "there already";
  const at = (service: string, name: string): string => {
    mkdirSync(join(folder, service), { recursive: true, mode: 0o755 });
    return join(folder, service, name);
  };
  const uid = options.uid;
  const give = (path: string, mode = 0o400): void => {
    chmodSync(path, mode);
    if (uid !== undefined) chownSync(path, uid, uid);
  };
  const write = (service: string, name: string, text: string, mode = 0o400): void => {
    writeFileSync(at(service, name), text);
    give(at(service, name), mode);
  };
  const copy = (from: string, service: string, name: string): void => {
    copyFileSync(from, at(service, name));
    give(at(service, name));
  };

  const keyPair = (name: string): Promise<void> =>
    command(
      "create-key",
      ...["--out-private", at("operator", `${name}.pem`), "--out-public", at("operator", `${name}.pub.pem`)],
    );
  await Promise.all([keyPair("root"), keyPair("config"), keyPair("stream-token")]);
  await command(
    "publish-keyset",
    ...["--root-key", at("operator", "root.pem"), "--config-key", at("operator", "config.pub.pem")],
    ...["--version", "1", "--min-epoch", "1", "--expires-days", DAYS, "--out", at("operator", "keyset")],
  );
  const rootKeys = rawPublicKey(at("operator", "root.pub.pem"));
  const stream = { certPath: at("control-plane", "stream.crt"), keyPath: at("control-plane", "stream.key") };
  await makeCertificate("sluice stream", stream, streamNames);
  give(stream.certPath);
  give(stream.keyPath);

  const databasePassword = randomBytes(24).toString("base64url");
  write("database", "password", databasePassword, 0o444);
  write("demo-database", "password", randomBytes(24).toString("base64url"), 0o444);
  const apiSecret = randomBytes(48).toString("base64");
  const metricsSecret = randomBytes(48).toString("base64");
  const secrets = {
    "database-url": `postgres://sluice:${databasePassword}@${databaseHost}/sluice`,
    "api-jwt-secret": apiSecret,
    "metrics-jwt-secret": metricsSecret,
    "vault-enc-key": randomBytes(24).toString("base64"),
    "root-keys": rootKeys,
  };
  for (const [name, text] of Object.entries(secrets)) write("control-plane", name, text);
  copy(at("operator", "config.pem"), "control-plane", "config.pem");
  copy(at("operator", "keyset"), "control-plane", "keyset");
  copy(at("operator", "stream-token.pub.pem"), "control-plane", "stream-token.pub.pem");

  for (const region of regions) {
    const service = `data-plane-${region}`;
    const client = { certPath: at(service, "client.crt"), keyPath: at(service, "client.key") };
    await makeCertificate("sluice", client, [service]);
    give(client.certPath);
    give(client.keyPath);
    copy(stream.certPath, service, "stream-ca.crt");
    write(service, "root-keys", rootKeys);
    await command(
      "mint-token",
      ...["--stream-key", at("operator", "stream-token.pem"), "--group", region, "--region", region],
      ...["--days", DAYS, "--out", at(service, "token")],
    );
    give(at(service, "token"));
  }
  write("prometheus", "metrics-token", await token(metricsSecret, "prometheus"), 0o444);
  write("operator", "api-token", await token(apiSecret, "operator"));
  write("operator", "complete", "");
  return "made";
}

export const imageUid = IMAGE_UID;

function token(secret: string, subject: string): Promise<string> {
  return new SignJWT({ role: "admin" })
    .setProtectedHeader({ alg: "HS256", typ: "JWT" })
    .setSubject(subject)
    .setIssuedAt()
    .setExpirationTime(TOKEN_LIFETIME)
    .sign(Buffer.from(secret));
}
