import type { Credentials } from "./credentials.js";
import { LOCAL_REGION } from "./credentials.js";

export type Variables = Readonly<Record<string, string>>;

export interface ControlPlanePorts {
  readonly http: number;
  readonly stream: number;
}

export interface DataPlanePorts {
  readonly transaction: number;
  readonly session: number;
  readonly operations: number;
  /** Undefined: there is no console. */
  readonly console?: number;
}

/** Of the console: name and password, as public as the rest. */
export const DEVELOPER = "dev";

/** The secret is public, being the one of the guide's token: everything listens on loopback. */
const DEVELOPMENT = { SLUICE_ENV: "development", LISTEN_ADDRESS: "127.0.0.1" } as const;

export function controlPlaneEnvironment(
  credentials: Credentials,
  ports: ControlPlanePorts,
  databaseUrl: string,
  dataDir: string,
): Variables {
  return {
    ...DEVELOPMENT,
    API_JWT_SECRET: "dev",
    PORT: String(ports.http),
    STREAM_PORT: String(ports.stream),
    DATABASE_URL: databaseUrl,
    VAULT_ENC_KEY: credentials.vaultEncKey,
    CONFIG_KEY_PATH: credentials.configKeyPath,
    KEYSET_PATH: credentials.keysetPath,
    TRUST_ROOT_KEYS: credentials.trustRootKey,
    STREAM_TOKEN_KEY_PATH: credentials.streamTokenKeyPath,
    STREAM_TLS_CERT_PATH: credentials.streamCertPath,
    STREAM_TLS_KEY_PATH: credentials.streamKeyPath,
    DATA_DIR: dataDir,
  };
}

export function dataPlaneEnvironment(
  credentials: Credentials,
  ports: DataPlanePorts,
  streamPort: number,
  dataDir: string,
): Variables {
  return {
    ...DEVELOPMENT,
    PROXY_PORT_TRANSACTION: String(ports.transaction),
    PROXY_PORT_SESSION: String(ports.session),
    OPERATIONS_PORT: String(ports.operations),
    OPERATIONS_ADDRESS: "127.0.0.1",
    CONTROL_PLANE_URL: `https://localhost:${streamPort}`,
    CONTROL_PLANE_CA_PATH: credentials.streamCertPath,
    DATA_PLANE_TOKEN_PATH: credentials.dataPlaneTokenPath,
    TRUST_ROOT_KEYS: credentials.trustRootKey,
    GLOBAL_DOWNSTREAM_CERT_PATH: credentials.clientCertPath,
    GLOBAL_DOWNSTREAM_KEY_PATH: credentials.clientKeyPath,
    REGION: LOCAL_REGION,
    ...(ports.console === undefined
      ? {}
      : { CONSOLE_PORT: String(ports.console), CONSOLE_USERS: `${DEVELOPER}:write:${DEVELOPER}` }),
    // A foreground run ends within 10 s of Ctrl-C.
    DRAIN_TIMEOUT_MS: "4000",
    DATA_DIR: dataDir,
  };
}
