import { mkdirSync } from "node:fs";
import { join, relative } from "node:path";
import { setTimeout as after } from "node:timers/promises";
import { messageOf } from "@sluice/shared/errors";
import { PortTaken } from "@sluice/shared/postgres";
import { prepareCredentials } from "./credentials.js";
import { writeEnvironmentFile } from "./environment-file.js";
import { type LocalPostgres, runningPostgres, startLocalPostgres } from "./local-postgres.js";
import { nextCommands } from "./next-commands.js";
import { controlPlaneEnvironment, dataPlaneEnvironment, type Variables } from "./plane-environment.js";
import { PlaneProcess } from "./plane-process.js";
import { portProblems } from "./port-check.js";
import type { LocalSettings } from "./settings.js";
import { type SupervisorLock, takeSupervisorLock } from "./supervisor-lock.js";
import type { Terminal } from "./terminal.js";
import { controlPlaneMain, dataPlaneMain } from "./workspace.js";

/** Ctrl-C ends all within 10 s: this, and twice the 2 s that Postgres gets. */
const PLANE_STOP_MS = 5000;
/** Planes whose supervisor was killed end by themselves within their drain. */
const LAST_RUN_ENDS_MS = 10_000;

interface PlaneKind {
  readonly name: string;
  readonly main: string;
  readonly environmentFile: string;
  readonly variables: Variables;
}

/** A whole fleet in the foreground: the embedded Postgres, the control plane and one data plane. */
export class Development {
  readonly #settings: LocalSettings;
  readonly #terminal: Terminal;
  readonly #interrupted = new AbortController();
  readonly #planes: { readonly kind: PlaneKind; readonly process: PlaneProcess }[] = [];
  #lock: SupervisorLock | undefined;
  #postgres: LocalPostgres | undefined;

  constructor(settings: LocalSettings, terminal: Terminal) {
    this.#settings = settings;
    this.#terminal = terminal;
  }

  /** Ends what `run` waits for. */
  interrupt(): void {
    this.#interrupted.abort();
  }

  /** Starts everything, waits for `interrupt`, and ends everything. @throws when the start fails; then all has ended, too. */
  async run(): Promise<void> {
    try {
      await this.#start();
      this.#showProcesses();
      this.#showNext();
      await this.#interruption();
    } catch (error) {
      if (!this.#interrupted.signal.aborted) throw error;
    } finally {
      this.#interrupted.abort();
      await this.#stop();
    }
  }

  async #start(): Promise<void> {
    const { dataDir } = this.#settings;
    this.#lock = takeSupervisorLock(dataDir);
    await this.#checkPorts(this.#lock.abandoned);

    const credentials = await this.#step("keys and certificates", () =>
      prepareCredentials(join(dataDir, "credentials")),
    );
    const postgres = await this.#step(`Postgres on 127.0.0.1:${this.#settings.postgresPort}`, () =>
      startLocalPostgres(this.#settings, (line) => this.#terminal.say(`  ${line}`)),
    );
    this.#postgres = postgres;
    postgres.server.onExit(() => {
      if (!this.#interrupted.signal.aborted)
        this.#terminal.complain(`!! Postgres (pid ${postgres.server.pid}) ended`);
    });

    const { controlPlanePorts, dataPlanePorts, databaseUrl, secrets } = this.#settings;
    await this.#startPlane({
      name: "control plane",
      main: controlPlaneMain,
      environmentFile: join(dataDir, "control-plane.env"),
      variables: {
        ...controlPlaneEnvironment(
          credentials,
          controlPlanePorts,
          databaseUrl ?? postgres.databaseUrl,
          join(dataDir, "control-plane"),
        ),
        ...secrets,
      },
    });
    await this.#startPlane({
      name: "data plane",
      main: dataPlaneMain,
      environmentFile: join(dataDir, "data-plane.env"),
      variables: dataPlaneEnvironment(
        credentials,
        dataPlanePorts,
        controlPlanePorts.stream,
        join(dataDir, "data-plane"),
      ),
    });
  }

  async #step<T>(what: string, work: () => Promise<T>): Promise<T> {
    this.#interrupted.signal.throwIfAborted();
    return await this.#terminal.step(what, work);
  }

  async #checkPorts(lastRunWasKilled: boolean): Promise<void> {
    const { signal } = this.#interrupted;
    const problems = async (): Promise<readonly string[]> => {
      // A Postgres of ours that still runs is used or ended: its port is not taken.
      return await portProblems(this.#settings, runningPostgres(this.#settings) === undefined);
    };
    let found = await problems();
    if (found.length > 0 && lastRunWasKilled) {
      this.#terminal.say("• waiting for what the last run left behind to end ...");
      const endMs = performance.now() + LAST_RUN_ENDS_MS;
      while (found.length > 0 && performance.now() < endMs) {
        await after(100, undefined, { signal });
        found = await problems();
      }
    }
    if (found.length > 0) throw new Error(found.join("\n"));
  }

  async #startPlane(kind: PlaneKind): Promise<void> {
    const dataDir = kind.variables.DATA_DIR;
    if (dataDir !== undefined) mkdirSync(dataDir, { recursive: true, mode: 0o700 });
    writeEnvironmentFile(kind.environmentFile, kind.variables);
    const plane = await this.#step(kind.name, () =>
      PlaneProcess.start({
        name: kind.name,
        main: kind.main,
        environment: { LOG_FORMAT: process.env.LOG_FORMAT ?? "text", ...kind.variables },
        onLine: (line) => this.#terminal.say(`${kind.name} | ${line}`),
        signal: this.#interrupted.signal,
      }),
    );
    this.#planes.push({ kind, process: plane });
    plane.exited.then(
      (how) => this.#reportEnd(kind, plane, how),
      () => undefined,
    );
  }

  #reportEnd(kind: PlaneKind, plane: PlaneProcess, how: string): void {
    if (this.#interrupted.signal.aborted) return;
    this.#terminal.complain(
      `!! the ${kind.name} (pid ${plane.pid}) ended: ${how}. It is not restarted, the others run on. Start it again:\n   ${aloneCommand(kind)}`,
    );
  }

  #showProcesses(): void {
    const { server, kept } = this.#postgres ?? {};
    this.#terminal.say("\nRunning (name, process, and what starts it alone):");
    if (server !== undefined) {
      const whose = kept === true ? ", started by make db_start: left running" : "";
      this.#terminal.say(
        `  Postgres       pid ${server.pid}  127.0.0.1:${server.port}, data in ${here(server.folder)}${whose}\n                 make db_start`,
      );
    }
    for (const { kind, process: plane } of this.#planes) {
      const ports = Object.entries(plane.ports).map(([name, port]) => `${name} ${port}`);
      this.#terminal.say(
        `  ${kind.name.padEnd(14)} pid ${plane.pid}  ${ports.join(", ")}\n                 ${aloneCommand(kind)}`,
      );
    }
  }

  #showNext(): void {
    const port = this.#postgres?.server.port ?? this.#settings.postgresPort;
    const { put, query, look } = nextCommands(this.#settings, port);
    this.#terminal.say(
      `\nNext, in another terminal: make a tenant, then query through the pooler.\n\n${put}\n\n${query}\n\nThen look into it: the console (also PAUSE, RESUME, KILL; SHOW HELP), figures, the API in a browser.\n\n${look.join("\n")}\n\nCtrl-C ends everything.\n`,
    );
  }

  #interruption(): Promise<void> {
    const { signal } = this.#interrupted;
    if (signal.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      // Signals do not keep a process alive, and every plane may have ended.
      const alive = setInterval(() => undefined, 60_000);
      signal.addEventListener("abort", () => {
        clearInterval(alive);
        resolve();
      });
    });
  }

  /** Postgres last: planes that drain still need it. */
  async #stop(): Promise<void> {
    if (this.#planes.length > 0) this.#terminal.say("\n• ending ...");
    await Promise.all(this.#planes.map(({ process: plane }) => plane.stop(PLANE_STOP_MS)));
    if (this.#postgres !== undefined && !this.#postgres.kept) {
      try {
        await this.#postgres.server.stop();
      } catch (error) {
        this.#terminal.complain(messageOf(error));
      }
    }
    this.#lock?.release();
    if (this.#planes.length > 0) {
      const left = this.#postgres?.kept === true ? "all but Postgres, which make db_start started" : "all";
      this.#terminal.say(`  ended: ${left}`);
    }
  }
}

function here(path: string): string {
  const near = relative(process.cwd(), path);
  return near.startsWith("..") ? path : near;
}

function aloneCommand(kind: PlaneKind): string {
  return `node --env-file=${here(kind.environmentFile)} ${kind.main}`;
}

/** What went wrong, in words that say what to do. */
export function explain(error: unknown): string {
  if (error instanceof PortTaken) {
    return `${error.clientMessage}; the embedded Postgres moves with EMBEDDED_POSTGRES_PORT=${error.port + 10_000}`;
  }
  return messageOf(error);
}
