import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import {
  base64Keys,
  ConfigurationError,
  type Environment,
  integer,
  list,
  oneOf,
  port,
  readEnvironment,
  required,
  text,
  type Variable,
} from "@sluice/shared/config";
import { LOG_FORMATS, LOG_LEVELS } from "@sluice/shared/observability";
import { tracingVariables } from "@sluice/shared/tracing";
import { consoleUsers } from "./console/index.js";
import { availableCores } from "./fleet/index.js";
import { AddressRanges } from "./transport/index.js";

/** A worker's number has 6 bits in a cancel key. */
const MOST_WORKERS = 64;

export type DataPlaneConfig = ReturnType<typeof readConfig>;

/** @throws ConfigurationError with every problem at once */
export function readConfig(environment: Environment) {
  const development = environment["SLUICE_ENV"] === "development";
  const file: Variable<Buffer | undefined> = (value) =>
    value === undefined ? undefined : readFileSync(value);
  const ranges: Variable<AddressRanges> = (value, name) => AddressRanges.parse(list()(value, name));
  const peers: Variable<readonly string[]> = (value, name) => {
    const named = list()(value, name);
    const wrong = named.find((peer) => !/^(\[[0-9A-Fa-f:.]+\]|[^:\s]+):\d{1,5}$/.test(peer));
    if (wrong !== undefined) throw new Error(`${JSON.stringify(wrong)} is not host:port`);
    return named;
  };
  const url: Variable<string> = (value, name) => {
    const given = required("the control plane's stream, for instance https://control-plane:4001")(
      value,
      name,
    );
    if (new URL(given).protocol !== "https:") throw new Error("must begin with https://");
    return given;
  };
  const config = readEnvironment(environment, {
    SLUICE_ENV: oneOf(["production", "development"], "production"),
    PROXY_PORT_TRANSACTION: port(6543),
    PROXY_PORT_SESSION: port(5432),
    OPERATIONS_PORT: port(4002),
    OPERATIONS_ADDRESS: text("127.0.0.1"),
    LISTEN_ADDRESS: text(development ? "127.0.0.1" : "::"),
    CONTROL_PLANE_URL: url,
    CONTROL_PLANE_CA_PATH: file,
    CONTROL_PLANE_CLIENT_CERT_PATH: text(),
    CONTROL_PLANE_CLIENT_KEY_PATH: text(),
    DATA_PLANE_TOKEN: text(),
    DATA_PLANE_TOKEN_PATH: text(),
    TRUST_ROOT_KEYS: base64Keys("Ed25519 public root keys"),
    TRUST_ROOT_THRESHOLD: integer(1, 1, 16),
    REGION: required("the region that this data plane serves"),
    AVAILABILITY_ZONE: text(),
    CONSOLE_USERS: consoleUsers(development ? 1 : undefined),
    CONSOLE_PORT: port(4003),
    CONSOLE_ADDRESS: text("127.0.0.1"),
    METRICS_MOST_POOLS: integer(1000, 0, 100_000),
    REGION_DATA_PLANES: integer(1, 1, 1000),
    DATA_DIR: text("./data"),
    NODE_KEY_PATH: text(),
    GLOBAL_UPSTREAM_CA_PATH: file,
    GLOBAL_DOWNSTREAM_CERT_PATH: list(),
    GLOBAL_DOWNSTREAM_KEY_PATH: list(),
    GLOBAL_DOWNSTREAM_CLIENT_CA_PATH: text(),
    GLOBAL_DOWNSTREAM_CLIENT_CERT: oneOf(["verify-ca", "verify-full"], "verify-ca"),
    GLOBAL_DOWNSTREAM_TLS_MIN: oneOf(["TLSv1.2", "TLSv1.3"], "TLSv1.2"),
    PROXY_PROTOCOL: oneOf(["off", "optional", "required"], "off"),
    TRUSTED_LB_RANGES: ranges,
    CANCEL_PEERS: peers,
    CANCEL_PEERS_CA_PATH: file,
    CANCEL_PEERS_SERVER_NAME: text(),
    MAX_UNAUTHENTICATED: integer(10_000, 1, 1_000_000),
    MAX_UNAUTHENTICATED_PER_ADDRESS: integer(1000, 1, 1_000_000),
    DATA_PLANE_WORKERS: integer(Math.min(availableCores(), MOST_WORKERS), 1, MOST_WORKERS),
    LOGIN_TIMEOUT_MS: integer(15_000, 100, 600_000),
    DRAIN_TIMEOUT_MS: integer(30_000, 0, 3_600_000),
    DRAIN_DELAY_MS: integer(0, 0, 300_000),
    LOG_LEVEL: oneOf(LOG_LEVELS, "info"),
    LOG_FORMAT: oneOf(LOG_FORMATS, "json"),
    TRACE_SLOW_MS: integer(100, 1, 600_000),
    ...tracingVariables(environment),
  });
  const problems: string[] = [];
  if (config.PROXY_PROTOCOL !== "off" && config.TRUSTED_LB_RANGES.empty)
    problems.push("TRUSTED_LB_RANGES: must name the balancers when PROXY_PROTOCOL is on");
  if (
    (config.CONTROL_PLANE_CLIENT_CERT_PATH === undefined) !==
    (config.CONTROL_PLANE_CLIENT_KEY_PATH === undefined)
  )
    problems.push("CONTROL_PLANE_CLIENT_KEY_PATH: must be set together with CONTROL_PLANE_CLIENT_CERT_PATH");
  if (config.CANCEL_PEERS.length > 0 && config.GLOBAL_DOWNSTREAM_CERT_PATH.length === 0)
    problems.push(
      "CANCEL_PEERS: needs GLOBAL_DOWNSTREAM_CERT_PATH, since data planes pass cancels on over TLS",
    );
  if (config.GLOBAL_DOWNSTREAM_CERT_PATH.length !== config.GLOBAL_DOWNSTREAM_KEY_PATH.length)
    problems.push("GLOBAL_DOWNSTREAM_KEY_PATH: must name as many files as GLOBAL_DOWNSTREAM_CERT_PATH");
  if (
    config.GLOBAL_DOWNSTREAM_CLIENT_CA_PATH !== undefined &&
    config.GLOBAL_DOWNSTREAM_CERT_PATH.length === 0
  )
    problems.push("GLOBAL_DOWNSTREAM_CLIENT_CA_PATH: needs GLOBAL_DOWNSTREAM_CERT_PATH");
  if (problems.length > 0) throw new ConfigurationError(problems);
  return { ...config, NODE_KEY_PATH: config.NODE_KEY_PATH ?? join(config.DATA_DIR, "node-key.pem") };
}

/** The token as it is now: a file is read again for every connection. */
export async function readToken(config: DataPlaneConfig): Promise<string | undefined> {
  const path = config.DATA_PLANE_TOKEN_PATH;
  if (path !== undefined && existsSync(path)) return readFileSync(path, "utf8").trim();
  if (config.DATA_PLANE_TOKEN !== undefined) return config.DATA_PLANE_TOKEN;
  if (config.CONTROL_PLANE_CLIENT_CERT_PATH !== undefined) return undefined;
  throw new Error(
    "there is neither DATA_PLANE_TOKEN nor the file of DATA_PLANE_TOKEN_PATH, nor a certificate (CONTROL_PLANE_CLIENT_CERT_PATH)",
  );
}

/** The client certificate as it is now; undefined: there is none. */
export async function readClientCertificate(
  config: DataPlaneConfig,
): Promise<{ readonly cert: Buffer; readonly key: Buffer } | undefined> {
  const { CONTROL_PLANE_CLIENT_CERT_PATH: cert, CONTROL_PLANE_CLIENT_KEY_PATH: key } = config;
  if (cert === undefined || key === undefined) return undefined;
  return { cert: readFileSync(cert), key: readFileSync(key) };
}

const SECRET: ReadonlySet<keyof DataPlaneConfig> = new Set([
  "DATA_PLANE_TOKEN",
  "OTEL_EXPORTER_OTLP_ENDPOINT",
  "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
]);

/** As the console shows them: name, value, and whether it can be changed while this runs. Nothing secret. */
export function shownSettings(
  config: DataPlaneConfig,
): readonly (readonly [name: string, value: string, changeable: boolean])[] {
  return Object.entries(config).map(([name, value]) => {
    const secret = SECRET.has(name as keyof DataPlaneConfig) && value !== undefined;
    return [name, secret ? "<set>" : shown(value), name === "LOG_LEVEL"] as const;
  });
}

function shown(value: unknown): string {
  if (value === undefined) return "";
  if (value instanceof Uint8Array) return `<${value.byteLength} bytes>`;
  if (value instanceof AddressRanges) return value.empty ? "" : "<set>";
  if (Array.isArray(value))
    return value.map((item: unknown) => (isNamed(item) ? item.name : shown(item))).join(",");
  return String(value);
}

function isNamed(item: unknown): item is { readonly name: string } {
  return typeof item === "object" && item !== null && "name" in item && typeof item.name === "string";
}
