import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createDatabase, dropDatabase, type Server } from "./create-database.js";
import { prepareCredentials } from "./credentials.js";
import { controlPlaneEnvironment, dataPlaneEnvironment, type Variables } from "./plane-environment.js";
import { PlaneProcess, type Ports } from "./plane-process.js";
import { controlPlaneMain, dataPlaneMain } from "./workspace.js";

export interface FleetOptions {
  /** Where the control plane's own, fresh database is made. */
  readonly postgres: Server;
  readonly controlPlaneEnvironment?: Variables;
  readonly dataPlaneEnvironment?: Variables;
}

export interface FleetPlane {
  readonly pid: number;
  readonly running: boolean;
  /** How it ended, a signal or an exit code, once it has. */
  readonly ended: Promise<string>;
  /** SIGTERM, and waits until it is gone. */
  stop(): Promise<void>;
  /** SIGKILL, and waits until it is gone. */
  kill(): Promise<void>;
  /** On the same ports and data as before; resolves when it is ready. */
  start(extra?: Variables): Promise<void>;
}

export interface FleetDataPlane extends FleetPlane {
  /** `console` is 0 without CONSOLE_USERS. */
  readonly ports: { transaction: number; session: number; operations: number; console: number };
  readonly dataDir: string;
}

export interface Fleet {
  /** Data folders, keys and certificates of this fleet. */
  readonly folder: string;
  readonly controlPlane: FleetPlane & {
    readonly url: string;
    readonly ports: { http: number; stream: number };
  };
  readonly dataPlane: FleetDataPlane;
  /** One more in the same region, beside it; ends with the fleet. */
  addDataPlane(name: string): Promise<FleetDataPlane>;
  /** All lines of both planes so far, each with the plane's name in front. */
  logs(): string;
  /** Ends both planes and removes folder and database. */
  stop(): Promise<void>;
}

/** Longer than the planes' own drain: what does not end by itself is a fault that the test should show. */
const STOP_TIMEOUT_MS = 10_000;

class Plane implements FleetPlane {
  readonly #name: string;
  readonly #main: string;
  readonly #environment: (ports: Ports) => Variables;
  readonly #onLine: (line: string) => void;
  #process: PlaneProcess | undefined;
  #ports: Ports = {};

  constructor(
    name: string,
    main: string,
    environment: (ports: Ports) => Variables,
    onLine: (line: string) => void,
  ) {
    this.#name = name;
    this.#main = main;
    this.#environment = environment;
    this.#onLine = onLine;
  }

  async start(extra: Variables = {}): Promise<void> {
    if (this.running) throw new Error(`${this.#name} runs already`);
    this.#process = await PlaneProcess.start({
      name: this.#name,
      main: this.#main,
      environment: { ...this.#environment(this.#ports), ...extra },
      onLine: (line) => this.#onLine(`${this.#name} ${line}`),
    });
    this.#ports = this.#process.ports;
  }

  /** 0, meaning any, until the plane has said which it took. */
  port(name: string): number {
    return this.#ports[name] ?? 0;
  }

  get pid(): number {
    return this.#process?.pid ?? 0;
  }

  get running(): boolean {
    return this.#process?.running ?? false;
  }

  get ended(): Promise<string> {
    return this.#process?.exited ?? Promise.resolve("never started");
  }

  async stop(): Promise<void> {
    await this.#process?.stop(STOP_TIMEOUT_MS);
  }

  async kill(): Promise<void> {
    await this.#process?.kill();
  }
}

/** A control plane and a data plane as real processes on free ports, for tests from end to end. */
export async function startFleet(options: FleetOptions): Promise<Fleet> {
  const folder = mkdtempSync(join(tmpdir(), "sluice-fleet-"));
  const database = `sluice_${randomBytes(6).toString("hex")}`;
  const lines: string[] = [];
  const onLine = (line: string): void => {
    lines.push(line);
  };
  const planes: Plane[] = [];
  const stop = async (): Promise<void> => {
    await Promise.all(planes.map((plane) => plane.stop()));
    await dropDatabase(options.postgres, database);
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    const url = await createDatabase(options.postgres, database);
    const credentials = await prepareCredentials(join(folder, "credentials"));
    const controlPlane = new Plane(
      "control-plane",
      controlPlaneMain,
      (ports) => ({
        LOG_FORMAT: "json",
        ...controlPlaneEnvironment(
          credentials,
          { http: ports.http ?? 0, stream: ports.stream ?? 0 },
          url,
          join(folder, "control-plane"),
        ),
        ...options.controlPlaneEnvironment,
      }),
      onLine,
    );
    planes.push(controlPlane);
    await controlPlane.start();
    const addDataPlane = async (name: string): Promise<FleetDataPlane> => {
      const dataDir = join(folder, name);
      const plane = new Plane(
        name,
        dataPlaneMain,
        (ports) => ({
          LOG_FORMAT: "json",
          ...dataPlaneEnvironment(
            credentials,
            {
              transaction: ports.transaction ?? 0,
              session: ports.session ?? 0,
              operations: ports.operations ?? 0,
            },
            controlPlane.port("stream"),
            dataDir,
          ),
          ...options.dataPlaneEnvironment,
        }),
        onLine,
      );
      planes.push(plane);
      await plane.start();
      return Object.assign(plane, {
        dataDir,
        ports: {
          transaction: plane.port("transaction"),
          session: plane.port("session"),
          operations: plane.port("operations"),
          console: plane.port("console"),
        },
      });
    };
    const dataPlane = await addDataPlane("data-plane");
    return {
      folder,
      controlPlane: Object.assign(controlPlane, {
        url: `http://127.0.0.1:${controlPlane.port("http")}`,
        ports: { http: controlPlane.port("http"), stream: controlPlane.port("stream") },
      }),
      dataPlane,
      addDataPlane,
      logs: () => lines.join("\n"),
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}
