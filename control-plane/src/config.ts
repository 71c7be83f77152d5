import { readFileSync } from "node:fs";
import {
  base64Keys,
  type Environment,
  flag,
  integer,
  list,
  oneOf,
  port,
  readEnvironment,
  text,
  type Variable,
} from "@sluice/shared/config";
import { LOG_FORMATS, LOG_LEVELS } from "@sluice/shared/observability";

const MAKE_SECRET = "make one with: openssl rand -base64 48";

export type ControlPlaneConfig = ReturnType<typeof readConfig>;

/** @throws ConfigurationError with every problem at once */
export function readConfig(environment: Environment) {
  const development = environment["SLUICE_ENV"] === "development";
  const secret: Variable<string> = (value) => {
    if (value === undefined) throw new Error(`must be set; ${MAKE_SECRET}`);
    if (!development && Buffer.byteLength(value) < 32)
      throw new Error(`must have at least 32 bytes; ${MAKE_SECRET}`);
    return value;
  };
  const vaultKey: Variable<string> = (value) => {
    if (value === undefined || Buffer.byteLength(value) < 32) {
      throw new Error("must have at least 32 bytes; make one with: openssl rand -hex 16");
    }
    return value;
  };
  const file =
    (what: string): Variable<Buffer> =>
    (value) => {
      if (value === undefined) throw new Error(`must be the path of ${what}`);
      return readFileSync(value);
    };
  const optionalFile: Variable<string | undefined> = (value) =>
    value === undefined ? undefined : readFileSync(value, "utf8");
  const databaseUrl: Variable<string> = (value) => {
    if (value === undefined)
      throw new Error("must be set, for instance postgres://user:password@host:5432/sluice");
    const { protocol } = new URL(value);
    if (protocol !== "postgres:" && protocol !== "postgresql:" && protocol !== "ecto:") {
      throw new Error("must begin with postgres://, postgresql:// or ecto://");
    }
    return value.replace(/^ecto:/, "postgres:");
  };
  const claims: Variable<Readonly<Record<string, unknown>>> = (value) => {
    const parsed: unknown = JSON.parse(value ?? "{}");
    if (typeof parsed !== "object" || parsed === null || Array.isArray(parsed))
      throw new Error("must be a JSON object");
    return parsed as Record<string, unknown>;
  };
  return readEnvironment(environment, {
    SLUICE_ENV: oneOf(["production", "development"], "production"),
    PORT: port(4000),
    STREAM_PORT: port(4001),
    LISTEN_ADDRESS: text(development ? "127.0.0.1" : "::"),
    DATABASE_URL: databaseUrl,
    DB_POOL_SIZE: integer(25, 1, 1000),
    API_JWT_SECRET: secret,
    API_TOKEN_BLOCKLIST: list(),
    JWT_CLAIM_VALIDATORS: claims,
    API_JWT_REQUIRE_EXP: flag(!development),
    VAULT_ENC_KEY: vaultKey,
    CONFIG_KEY_PATH: file("the Ed25519 private key that signs configuration (PEM)"),
    KEYSET_PATH: file("the keyset, signed by the root keys"),
    TRUST_ROOT_KEYS: base64Keys("Ed25519 public root keys"),
    STREAM_TOKEN_KEY_PATH: file("the Ed25519 public key of data-plane tokens (PEM)"),
    STREAM_TLS_CERT_PATH: file("the stream's certificate (PEM)"),
    STREAM_TLS_KEY_PATH: file("the stream's private key (PEM)"),
    GLOBAL_UPSTREAM_CA_PATH: optionalFile,
    LOG_LEVEL: oneOf(LOG_LEVELS, "info"),
    LOG_FORMAT: oneOf(LOG_FORMATS, "json"),
  });
}

/** All that the migrations need. */
export function readDatabaseUrl(environment: Environment): string {
  const { DATABASE_URL } = readEnvironment(environment, {
    DATABASE_URL: (value: string | undefined) => {
      if (value === undefined)
        throw new Error("must be set, for instance postgres://user:password@host:5432/sluice");
      return value.replace(/^ecto:/, "postgres:");
    },
  });
  return DATABASE_URL;
}
