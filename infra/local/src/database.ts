import { spawn } from "node:child_process";
import { join } from "node:path";
import { findPostmaster, stopPostmaster } from "@sluice/shared/postgres";
import { databaseUrl } from "./create-database.js";
import { prepareCredentials } from "./credentials.js";
import { explain } from "./development.js";
import {
  CONTROL_PLANE_DATABASE,
  forgetKept,
  isKept,
  markKept,
  runningPostgres,
  startLocalPostgres,
} from "./local-postgres.js";
import { controlPlaneEnvironment } from "./plane-environment.js";
import { type LocalSettings, readLocalSettings } from "./settings.js";
import { runningSupervisor } from "./supervisor-lock.js";
import { Terminal } from "./terminal.js";
import { workspace } from "./workspace.js";

const USAGE = "usage: node infra/local/dist/database.js start | migrate | stop";
const STOP_STEP_MS = 5000;

async function start(settings: LocalSettings, terminal: Terminal): Promise<number> {
  const running = runningPostgres(settings);
  const supervisor = runningSupervisor(settings.dataDir);
  if (running !== undefined && (isKept(settings, running) || supervisor !== undefined)) {
    const whose = supervisor === undefined ? "" : ", by make dev";
    terminal.say(`Postgres is already running on 127.0.0.1:${running.port} (pid ${running.pid}${whose})`);
    return 0;
  }
  const { server } = await startLocalPostgres(settings, (line) => terminal.say(line));
  markKept(settings, server.pid);
  terminal.say(`Postgres runs on 127.0.0.1:${server.port} (pid ${server.pid}); make db_stop ends it`);
  return 0;
}

async function migrate(settings: LocalSettings, terminal: Terminal): Promise<number> {
  const running = runningPostgres(settings);
  if (running === undefined && settings.databaseUrl === undefined) {
    terminal.complain("Postgres does not run: start it with make db_start, or set DATABASE_URL");
    return 1;
  }
  const embedded = {
    host: "127.0.0.1",
    port: running?.port ?? settings.postgresPort,
    user: "postgres",
    password: "postgres",
  };
  const url = settings.databaseUrl ?? databaseUrl(embedded, CONTROL_PLANE_DATABASE);
  const credentials = await prepareCredentials(join(settings.dataDir, "credentials"));
  const dataDir = join(settings.dataDir, "control-plane");
  const child = spawn(process.execPath, [join(workspace, "control-plane/dist/commands/migrate.js")], {
    cwd: workspace,
    env: {
      ...process.env,
      ...controlPlaneEnvironment(credentials, settings.controlPlanePorts, url, dataDir),
      ...settings.secrets,
    },
    stdio: "inherit",
  });
  return await new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("exit", (code) => resolve(code ?? 1));
  });
}

async function stop(settings: LocalSettings, terminal: Terminal): Promise<number> {
  const running = runningPostgres(settings);
  if (running === undefined) {
    terminal.say("Postgres does not run");
    forgetKept(settings);
    return 0;
  }
  const supervisor = runningSupervisor(settings.dataDir);
  if (supervisor !== undefined) {
    terminal.complain(`Postgres is in use by make dev (pid ${supervisor}): end that first, with Ctrl-C`);
    return 1;
  }
  await stopPostmaster(running, STOP_STEP_MS);
  forgetKept(settings);
  terminal.say(findPostmaster(running.folder) === undefined ? "Postgres ended" : "Postgres still runs");
  return 0;
}

const terminal = new Terminal();
try {
  const commands = { start, migrate, stop };
  const [name = ""] = process.argv.slice(2);
  const chosen = Object.entries(commands).find(([known]) => known === name)?.[1];
  if (chosen === undefined) {
    terminal.complain(USAGE);
    process.exitCode = 2;
  } else {
    process.exitCode = await chosen(readLocalSettings(process.env), terminal);
  }
} catch (error) {
  terminal.complain(explain(error));
  process.exitCode = 1;
}
process.exit();
