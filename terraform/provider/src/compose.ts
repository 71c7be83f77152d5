import { readFileSync } from "node:fs";
import { httpCaller, type Pooler, type RequestOver, Sluice, watchedCall } from "./client/index.js";
import type { Config } from "./config.js";
import { clusterData, fleetData, tenantData, tenantsData } from "./data-sources/index.js";
import { connectionCredentials } from "./ephemeral/index.js";
import {
  attribute,
  between,
  bytes,
  type Diagnostic,
  duration,
  durationMs,
  type Path,
  type Provider,
  problem,
  Refused,
  type Schema,
} from "./framework/index.js";
import { connectionUri } from "./functions/index.js";
import { isKnown, type Values } from "./protocol/index.js";
import { cluster, tenant, tenantBan, tenantUser } from "./resources/index.js";

const REQUEST_TIMEOUT = "30s";
const RETRY_TIMEOUT = "2m";
const TRANSACTION_PORT = 6543;
const SESSION_PORT = 5432;

const SCHEMA: Schema = {
  description:
    "Tenants, users, clusters and bans of a Sluice fleet, through the REST API of its " + "control plane.",
  attributes: {
    endpoint: attribute(
      "string",
      "The control plane's REST API, such as `https://sluice.example.com`. Else the variable `SLUICE_ENDPOINT`.",
      { optional: true },
    ),
    token: attribute(
      "string",
      "A JWT with the scopes `tenants:read` and `tenants:write`, and `fleet:read` for waiting. Else the variable " +
        "`SLUICE_TOKEN`.",
      { optional: true, sensitive: true },
    ),
    ca_certificate: attribute(
      "string",
      "The CA of the endpoint's certificate, in PEM, where it is your own.",
      {
        optional: true,
        checks: [bytes(1024 * 1024)],
      },
    ),
    ca_certificate_path: attribute(
      "string",
      "The same as a file. Else the variable `SLUICE_CA_CERTIFICATE_PATH`.",
      { optional: true },
    ),
    request_timeout: attribute("string", `How long one request may take. Default \`${REQUEST_TIMEOUT}\`.`, {
      optional: true,
      checks: [duration],
    }),
    retry_timeout: attribute(
      "string",
      "How long a request is tried again that the control plane turned away for now (429, 503), as `Retry-After` says. " +
        `Default \`${RETRY_TIMEOUT}\`. Changes have \`timeouts\` of their own.`,
      { optional: true, checks: [duration] },
    ),
    pooler_host: attribute(
      "string",
      "Where clients reach the data planes; for `pooler_uri` and the like. Else the variable `SLUICE_POOLER_HOST`. A " +
        "fleet with a host for each region has a provider alias for each.",
      { optional: true, checks: [bytes(253)] },
    ),
    pooler_transaction_port: attribute(
      "number",
      `The port of transaction mode. Default ${TRANSACTION_PORT}.`,
      {
        optional: true,
        checks: [between(1, 65_535)],
      },
    ),
    pooler_session_port: attribute("number", `The port of session mode. Default ${SESSION_PORT}.`, {
      optional: true,
      checks: [between(1, 65_535)],
    }),
  },
};

/**
 * All parts of the provider.
 * @param config stands in where the provider block is silent
 * @param tell is told of each request to the API
 */
export function composeProvider(
  config: Config,
  tell: (over: RequestOver) => void = () => undefined,
): Provider<Sluice> {
  return {
    schema: SCHEMA,
    configure: (block) => (isKnown(block) ? sluiceOf(block, config, tell) : undefined),
    stop: (sluice) => sluice.interrupt(),
    resources: {
      sluice_tenant: tenant,
      sluice_tenant_user: tenantUser,
      sluice_cluster: cluster,
      sluice_tenant_ban: tenantBan,
    },
    dataSources: {
      sluice_tenant: tenantData,
      sluice_tenants: tenantsData,
      sluice_cluster: clusterData,
      sluice_fleet: fleetData,
    },
    ephemeralResources: { sluice_connection_credentials: connectionCredentials },
    functions: { connection_uri: connectionUri },
  };
}

/** @throws Refused */
function sluiceOf(block: Values, config: Config, tell: (over: RequestOver) => void): Sluice {
  const wrong: Diagnostic[] = [];
  const needed = (name: string, fallback: string | undefined, variable: string): string => {
    const value = textOr(block[name], fallback);
    if (value !== undefined) return value;
    wrong.push(problem(`No ${name}`, `Give ${name} in the provider block, or set ${variable}.`, [name]));
    return "";
  };
  const endpoint = needed("endpoint", config.SLUICE_ENDPOINT, "SLUICE_ENDPOINT");
  const token = needed("token", config.SLUICE_TOKEN, "SLUICE_TOKEN");
  if (endpoint !== "" && !(URL.canParse(endpoint) && /^https?:$/.test(new URL(endpoint).protocol))) {
    wrong.push(problem("Invalid endpoint", "endpoint must be an http or https URL.", ["endpoint"]));
  }
  if (/[^\x21-\x7e]/.test(token)) {
    wrong.push(problem("Invalid token", "token must be a JWT: no blanks, no line breaks.", ["token"]));
  }
  const caCertificate = caOf(block, config, wrong);
  if (wrong.length > 0) throw new Refused(wrong);
  const options = {
    endpoint,
    token,
    call: watchedCall(httpCaller(endpoint, caCertificate), tell),
    requestTimeoutMs: durationMs(textOr(block.request_timeout, undefined) ?? REQUEST_TIMEOUT) ?? 0,
    retryTimeoutMs: durationMs(textOr(block.retry_timeout, undefined) ?? RETRY_TIMEOUT) ?? 0,
  };
  return new Sluice(options, poolerOf(block, config, endpoint));
}

function caOf(block: Values, config: Config, wrong: Diagnostic[]): string | undefined {
  const pem = textOr(block.ca_certificate, undefined);
  const path = textOr(block.ca_certificate_path, config.SLUICE_CA_CERTIFICATE_PATH);
  if (pem !== undefined || path === undefined) return pem;
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    const at: Path = ["ca_certificate_path"];
    wrong.push(problem("The CA's file cannot be read", error instanceof Error ? error.message : path, at));
    return undefined;
  }
}

/** A control plane on loopback is that of a development fleet, whose data plane is on loopback too. */
function poolerOf(block: Values, config: Config, endpoint: string): Pooler | undefined {
  const own = new URL(endpoint).hostname;
  const local = own === "localhost" || own === "127.0.0.1" ? own : undefined;
  const host = textOr(block.pooler_host, config.SLUICE_POOLER_HOST) ?? local;
  if (host === undefined) return undefined;
  const port = (name: string, fallback: number): number => {
    const given = block[name];
    return typeof given === "number" ? given : fallback;
  };
  return {
    host,
    transactionPort: port("pooler_transaction_port", TRANSACTION_PORT),
    sessionPort: port("pooler_session_port", SESSION_PORT),
  };
}

function textOr(value: Values[string] | undefined, fallback: string | undefined): string | undefined {
  return typeof value === "string" && value !== "" ? value : fallback;
}
