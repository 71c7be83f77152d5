import { resolve } from "node:path";
import { type Environment, list, port, readEnvironment, text } from "@sluice/shared/config";
import type { ControlPlanePorts, DataPlanePorts, Variables } from "./plane-environment.js";

/** What the environment may change about a fleet on one machine. */
export interface LocalSettings {
  readonly dataDir: string;
  readonly postgresPort: number;
  readonly controlPlanePorts: ControlPlanePorts;
  readonly dataPlanePorts: Required<DataPlanePorts>;
  /** Where the control plane keeps its tables, instead of in the embedded Postgres. */
  readonly databaseUrl: string | undefined;
  /** Secrets that win over those of `make dev`. */
  readonly secrets: Variables;
}

/** @throws ConfigurationError with all problems at once. */
export function readLocalSettings(environment: Environment): LocalSettings {
  const values = readEnvironment(environment, {
    DATA_DIR: text("data"),
    EMBEDDED_POSTGRES_PORT: port(6432),
    PORT: port(4000),
    STREAM_PORT: port(4001),
    PROXY_PORT_TRANSACTION: port(6543),
    PROXY_PORT_SESSION: port(5432),
    OPERATIONS_PORT: port(4002),
    CONSOLE_PORT: port(4003),
    DATABASE_URL: text(),
    API_JWT_SECRET: text(),
    VAULT_ENC_KEY: text(),
  });
  const { API_JWT_SECRET, VAULT_ENC_KEY } = values;
  return {
    dataDir: resolve(values.DATA_DIR),
    postgresPort: values.EMBEDDED_POSTGRES_PORT,
    controlPlanePorts: { http: values.PORT, stream: values.STREAM_PORT },
    dataPlanePorts: {
      transaction: values.PROXY_PORT_TRANSACTION,
      session: values.PROXY_PORT_SESSION,
      operations: values.OPERATIONS_PORT,
      console: values.CONSOLE_PORT,
    },
    databaseUrl: values.DATABASE_URL,
    secrets: {
      ...(API_JWT_SECRET === undefined ? {} : { API_JWT_SECRET }),
      ...(VAULT_ENC_KEY === undefined ? {} : { VAULT_ENC_KEY }),
    },
  };
}

/** What the one-shot service of docker-compose.yml needs. @throws ConfigurationError */
export function readSetup(environment: Environment) {
  const values = readEnvironment(environment, {
    SETUP_FOLDER: text("/secrets"),
    SETUP_REGIONS: list(),
    SETUP_API_URL: text("http://control-plane:4000"),
  });
  const regions = values.SETUP_REGIONS.length > 0 ? values.SETUP_REGIONS : ["eu", "us"];
  return { ...values, SETUP_REGIONS: regions };
}
