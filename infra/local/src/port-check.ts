import { isPortFree } from "@sluice/shared/postgres";
import type { LocalSettings } from "./settings.js";

interface Claim {
  readonly variable: string;
  readonly port: number;
  readonly purpose: string;
}

function claims(settings: LocalSettings, withPostgres: boolean): readonly Claim[] {
  const { controlPlanePorts, dataPlanePorts } = settings;
  const postgres = {
    variable: "EMBEDDED_POSTGRES_PORT",
    port: settings.postgresPort,
    purpose: "embedded Postgres",
  };
  return [
    ...(withPostgres ? [postgres] : []),
    { variable: "PORT", port: controlPlanePorts.http, purpose: "REST API" },
    { variable: "STREAM_PORT", port: controlPlanePorts.stream, purpose: "configuration stream" },
    {
      variable: "PROXY_PORT_TRANSACTION",
      port: dataPlanePorts.transaction,
      purpose: "clients, transaction mode",
    },
    { variable: "PROXY_PORT_SESSION", port: dataPlanePorts.session, purpose: "clients, session mode" },
    { variable: "OPERATIONS_PORT", port: dataPlanePorts.operations, purpose: "data plane operations" },
    { variable: "CONSOLE_PORT", port: dataPlanePorts.console, purpose: "data plane's console" },
  ];
}

/** One line for each port that cannot be had, with the variable that moves it. */
export async function portProblems(
  settings: LocalSettings,
  withPostgres: boolean,
): Promise<readonly string[]> {
  const problems: string[] = [];
  const seen = new Map<number, string>();
  for (const { variable, port, purpose } of claims(settings, withPostgres)) {
    const other = port === 0 ? undefined : seen.get(port);
    seen.set(port, variable);
    if (other !== undefined) {
      problems.push(
        `port ${port} is wanted by both ${other} and ${variable}; set one of them to another port`,
      );
    } else if (port !== 0 && !(await isPortFree(port))) {
      problems.push(`port ${port} (${purpose}) is taken; move it: ${variable}=${freeGuess(port)} make dev`);
    }
  }
  return problems;
}

/** Only an example of how to write it. */
function freeGuess(port: number): number {
  return port < 50_000 ? port + 10_000 : port - 10_000;
}
