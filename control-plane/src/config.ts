import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { createSecureContext } from "node:tls";
import { publicKeyFromPem, signerFromPem } from "@sluice/shared/bundle";
import {
  base64Keys,
  type Environment,
  flag,
  integer,
  list,
  oneOf,
  orFile,
  port,
  readEnvironment,
  required,
  text,
  type Variable,
} from "@sluice/shared/config";
import { messageOf } from "@sluice/shared/errors";
import { LOG_FORMATS, LOG_LEVELS } from "@sluice/shared/observability";
import { tracingVariables } from "@sluice/shared/tracing";
import type { JWTVerifyGetKey } from "jose";

import { publicKeysAt, publicKeysOf } from "./operators/index.js";
import { parseCidr } from "./tenants/index.js";

export type ControlPlaneConfig = ReturnType<typeof readConfig>;

const DATABASE_EXAMPLE = "for instance postgres://user:password@host:5432/database";
const SECRET_BYTES = 32;

/** @throws ConfigurationError with every problem at once, each with the name of its variable and what to do. */
export function readConfig(environment: Environment) {
  const development = environment.SLUICE_ENV === "development";
  const hasPublicKeys = Boolean(environment.API_JWKS_PATH) || Boolean(environment.API_JWKS_URL);
  return readEnvironment(environment, {
    SLUICE_ENV: oneOf(["production", "development"], "production"),
    PORT: port(4000),
    STREAM_PORT: port(4001),
    LISTEN_ADDRESS: text(development ? "127.0.0.1" : "::"),
    DATABASE_URL: orFile(databaseUrl(development)),
    DB_POOL_SIZE: integer(25, 2, 1000),
    EMBEDDED_POSTGRES_PORT: port(6432),
    DATA_DIR: dataFolder,
    API_JWT_SECRET: orFile(tokenSecret(development, hasPublicKeys)),
    API_TOKEN_BLOCKLIST: list(),
    API_JWKS_PATH: jwksFile,
    API_JWKS_URL: jwksUrl,
    API_TRUSTED_PROXIES: ranges,
    API_RATE_LIMIT_PER_TOKEN: integer(1000, 0, 1_000_000),
    API_RATE_LIMIT_PER_ADDRESS: integer(1000, 0, 1_000_000),
    METRICS_JWT_SECRET: orFile(tokenSecret(development, true)),
    METRICS_TOKEN_BLOCKLIST: list(),
    JWT_CLAIM_VALIDATORS: claims,
    API_JWT_REQUIRE_EXP: flag(!development),
    VAULT_ENC_KEY: vaultKey,
    VAULT_ENC_KEY_OLD: oldVaultKey,
    CONFIG_KEY_PATH: readAgain(
      "the Ed25519 private key (PEM) that signs configuration; make one with control-plane/dist/commands/create-key.js",
      (bytes) => signerFromPem(bytes.toString("utf8")),
    ),
    KEYSET_PATH: readAgain(
      "the keyset, signed by the root keys; make one with control-plane/dist/commands/publish-keyset.js",
      (bytes) => bytes,
    ),
    TRUST_ROOT_KEYS: base64Keys("Ed25519 public root keys"),
    TRUST_ROOT_THRESHOLD: integer(1, 1, 16),
    STREAM_TOKEN_KEY_PATH: file(
      "the Ed25519 public key (PEM) that data-plane tokens are checked with; make the pair with control-plane/dist/commands/create-key.js",
      (bytes) => {
        publicKeyFromPem(bytes.toString("utf8"));
        return bytes;
      },
    ),
    STREAM_TOKEN_BLOCKLIST: list(),
    STREAM_CLIENT_CA_PATH: clientCaFile,
    STREAM_TLS_CERT_PATH: readAgain("the certificate (PEM) of the configuration stream", (cert) => {
      createSecureContext({ cert });
      return cert;
    }),
    STREAM_TLS_KEY_PATH: readAgain("the private key (PEM) of STREAM_TLS_CERT_PATH", (key) => {
      createSecureContext({ key });
      return key;
    }),
    FORGET_DATA_PLANES_DAYS: integer(7, 1, 3650),
    LOG_LEVEL: oneOf(LOG_LEVELS, "info"),
    LOG_FORMAT: oneOf(LOG_FORMATS, "json"),
    ...tracingVariables(environment),
  });
}

const VAULT_KEY_MADE = "openssl rand -base64 24 (32 characters, used as they are)";
/** One that is in use already: to be left behind even if everybody knows it. */
const usedVaultKey = orFile(secret(VAULT_KEY_MADE, SECRET_BYTES, false));
const vaultKey = orFile(secret(VAULT_KEY_MADE, SECRET_BYTES, true));
const oldVaultKey: Variable<string | undefined> = (value, name) =>
  value === undefined ? undefined : usedVaultKey(value, name);

/** What rotate-vault-key needs. @throws ConfigurationError */
export function readVaultRotation(environment: Environment) {
  return readEnvironment(environment, {
    DATABASE_URL: orFile(databaseUrl(false)),
    VAULT_ENC_KEY: vaultKey,
    VAULT_ENC_KEY_OLD: usedVaultKey,
  });
}

/** What import-supavisor needs. @throws ConfigurationError */
export function readSupavisorImport(environment: Environment) {
  return readEnvironment(environment, {
    SUPAVISOR_DATABASE_URL: databaseUrl(false),
    SUPAVISOR_VAULT_ENC_KEY: usedVaultKey,
    SLUICE_API_TOKEN: required("a bearer token for the control plane, as its API takes them"),
  });
}

/** All that the migrations need. @throws ConfigurationError */
export function readDatabaseUrl(environment: Environment): string {
  return readEnvironment(environment, { DATABASE_URL: orFile(databaseUrl(false)) }).DATABASE_URL;
}

/** Without one, development has a Postgres of its own; production has none. */
function databaseUrl(embeddable: true): Variable<string | undefined>;
function databaseUrl(embeddable: false): Variable<string>;
function databaseUrl(embeddable: boolean): Variable<string | undefined>;
function databaseUrl(embeddable: boolean): Variable<string | undefined> {
  return (value) => {
    if (value === undefined) {
      if (embeddable) return undefined;
      throw new Error(
        `must be set, ${DATABASE_EXAMPLE} (the embedded Postgres is for SLUICE_ENV=development only)`,
      );
    }
    // Never with the value: it holds a password.
    if (!URL.canParse(value)) throw new Error(`must be a URL, ${DATABASE_EXAMPLE}`);
    // ecto: as Supavisor's is written.
    if (!/^(postgres|postgresql|ecto):$/.test(new URL(value).protocol)) {
      throw new Error(`must begin with postgres://, postgresql:// or ecto://, ${DATABASE_EXAMPLE}`);
    }
    return value.replace(/^ecto:/, "postgres:");
  };
}

/** What stands in examples everywhere: 32 digits, one character many times. */
const SAMPLE = /^(\d+|(.)\2*)$/s;

/** Of the API not needed where public keys sign its tokens. */
function tokenSecret(development: boolean, optional: boolean): Variable<string | undefined> {
  const made = "openssl rand -base64 48";
  const given = secret(made, development ? 1 : SECRET_BYTES, !development);
  return (value, name) => {
    if (value !== undefined) return given(value, name);
    if (optional) return undefined;
    throw new Error(
      `must be set, unless API_JWKS_URL or API_JWKS_PATH names public keys; make one with: ${made}`,
    );
  };
}

function secret(made: string, leastBytes: number, refuseSamples: boolean): Variable<string> {
  return (value) => {
    if (value === undefined) throw new Error(`must be set; make one with: ${made}`);
    const bytes = Buffer.byteLength(value);
    if (bytes < leastBytes) {
      throw new Error(`must have at least ${leastBytes} bytes, it has ${bytes}; make one with: ${made}`);
    }
    if (refuseSamples && SAMPLE.test(value))
      throw new Error(`is a sample that everybody knows; make one with: ${made}`);
    return value;
  };
}

function file<T>(what: string, parse: (bytes: Buffer) => T): Variable<T> {
  return (value) => {
    if (value === undefined) throw new Error(`must be the path of ${what}`);
    let bytes: Buffer;
    try {
      bytes = readFileSync(value);
    } catch (error) {
      throw new Error(`must be the path of ${what}: ${messageOf(error)}`);
    }
    try {
      return parse(bytes);
    } catch (error) {
      throw new Error(`${value} is not ${what}: ${messageOf(error)}`);
    }
  };
}

/** A file that may get another content while we run: checked now, read as often as is wanted. */
function readAgain<T>(what: string, parse: (bytes: Buffer) => T): Variable<() => T> {
  const read = file(what, parse);
  return (value, name) => {
    read(value, name);
    return () => read(value, name);
  };
}

const clientCaFile: Variable<Buffer | undefined> = (value, name) =>
  value === undefined
    ? undefined
    : file("the CA (PEM) that signs certificates of data planes", (ca) => {
        createSecureContext({ ca });
        return ca;
      })(value, name);

const jwksFile: Variable<JWTVerifyGetKey | undefined> = (value, name) =>
  value === undefined
    ? undefined
    : file("a JSON Web Key Set with public keys", (bytes) => publicKeysOf(bytes.toString("utf8")))(
        value,
        name,
      );

const jwksUrl: Variable<JWTVerifyGetKey | undefined> = (value) => {
  if (value === undefined) return undefined;
  const wanted = "must be an https URL (http on this machine only) of a JSON Web Key Set";
  if (!URL.canParse(value)) throw new Error(wanted);
  const url = new URL(value);
  const loopback = ["localhost", "127.0.0.1", "[::1]"].includes(url.hostname);
  if (url.protocol !== "https:" && !(url.protocol === "http:" && loopback)) throw new Error(wanted);
  return publicKeysAt(url);
};

const ranges: Variable<readonly string[]> = (value, name) => {
  return list()(value, name).map((item) => {
    const range = parseCidr(item);
    if (range === undefined) {
      throw new Error(`must be address ranges such as 10.0.0.0/8, with commas, not ${JSON.stringify(item)}`);
    }
    return range;
  });
};

const dataFolder: Variable<string> = (value) => resolve(value ?? "data");

const claims: Variable<Readonly<Record<string, unknown>>> = (value) => {
  const wanted = 'must be a JSON object of claims and their values, for instance {"iss": "supabase"}';
  let parsed: unknown;
  try {
    parsed = JSON.parse(value ?? "{}");
  } catch {
    throw new Error(wanted);
  }
  if (typeof parsed !== "object" || parsed === null || Array.isArray(parsed)) throw new Error(wanted);
  return { ...parsed };
};
