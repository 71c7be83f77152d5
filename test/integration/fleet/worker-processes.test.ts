import type { Worker } from "node:cluster";
import { EventEmitter, once } from "node:events";
import { type AddressInfo, createServer, type Server } from "node:net";
import type { Batch, Primary, ToPrimary, ToWorker } from "@sluice/data-plane/fleet/index";
import { WorkerProcesses } from "@sluice/data-plane/fleet/index";
import { type Logger, silentLogger } from "@sluice/shared/observability";
import { FakeClock } from "@sluice/shared/time";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { eventually } from "../../support/eventually.js";

/** What the primary sees of a worker's process; it takes clients as soon as it is told to. */
class FakeWorker extends EventEmitter {
  readonly id = 1;
  readonly process: { readonly pid: number | undefined; kill: () => void };
  readonly told: ToWorker[] = [];

  constructor(pid: number | undefined) {
    super();
    this.process = { pid, kill: () => this.emit("exit", null, "SIGKILL") };
  }

  isConnected(): boolean {
    return this.process.pid !== undefined;
  }

  isDead(): boolean {
    return false;
  }

  send(batch: Batch<ToWorker>, sent: (error: null) => void): void {
    this.told.push(...batch);
    sent(null);
    for (const message of batch) {
      if (message.kind === "take-clients") this.#say({ kind: "taking-clients", ports: message.from?.ports });
      if (message.kind === "close-ports") this.#say({ kind: "ports-closed" });
      if (message.kind === "stop") this.emit("exit", 0, null);
    }
  }

  begin(): this {
    setImmediate(() => this.#say({ kind: "hello" }));
    return this;
  }

  #say(message: ToPrimary): void {
    this.emit("message", [message]);
  }
}

/** As far as it is asked here. */
const primary = {
  attach: (_worker: number, _send: unknown, takeClients: () => void) => takeClients(),
  detach: () => undefined,
  received: () => undefined,
} as unknown as Primary;

const systemError = (code: string): Error => Object.assign(new Error(`spawn node ${code}`), { code });

describe("the processes of workers", () => {
  let clock: FakeClock;
  let logged: string[];
  let begun: FakeWorker[];
  /** What the next forks do instead of a worker; empty: they begin one. */
  let failures: ("told" | "thrown")[];
  let processes: WorkerProcesses | undefined;
  let stranger: Server | undefined;

  beforeEach(() => {
    clock = new FakeClock();
    logged = [];
    begun = [];
    failures = [];
  });
  afterEach(async () => {
    await processes?.stop(1000);
    stranger?.close();
  });

  const fork = (): FakeWorker => {
    const failure = failures.shift();
    if (failure === "thrown") throw systemError("ENOMEM");
    const worker = new FakeWorker(failure === undefined ? 4711 : undefined);
    if (failure === "told") process.nextTick(() => worker.emit("error", systemError("EMFILE")));
    else begun.push(worker.begin());
    return worker;
  };
  const start = (ports: { readonly transaction: number; readonly session: number }) => {
    const logger: Logger = { ...silentLogger, error: (message) => void logged.push(message) };
    const fake = fork as unknown as () => Worker;
    processes = new WorkerProcesses({
      primary,
      count: 1,
      host: "127.0.0.1",
      ports,
      clock,
      logger,
      fork: fake,
    });
    return processes;
  };
  /** Whatever is to be tried again is tried, until another worker takes clients. */
  const another = async (of: WorkerProcesses): Promise<void> => {
    const before = begun.length;
    await eventually("another worker", () => {
      clock.advance(5000);
      return begun.length > before && of.takingClients === 1;
    });
  };

  it("are begun again and again where the system has no place for one", async () => {
    const started = start({ transaction: 0, session: 0 });
    await started.start();
    failures = ["told", "thrown", "told"];
    begun[0]?.process.kill();
    await another(started);
    expect(failures).toEqual([]);
    expect(logged.filter((message) => message === "a worker's process could not be begun")).toHaveLength(3);
  });

  it("say why a start has failed", async () => {
    failures = ["told"];
    await expect(start({ transaction: 0, session: 0 }).start()).rejects.toThrow("EMFILE");
  });

  it("keep their ports where the primary cannot have those of one that ended", async () => {
    stranger = createServer().listen(0, "127.0.0.1");
    await once(stranger, "listening");
    const session = (stranger.address() as AddressInfo).port;
    const free = createServer().listen(0, "127.0.0.1");
    await once(free, "listening");
    const transaction = (free.address() as AddressInfo).port;
    free.close();
    await once(free, "close");

    const started = start({ transaction, session });
    await started.start();
    begun[0]?.process.kill();
    await eventually("the primary has tried", () =>
      logged.includes("taking the ports of a worker that ended failed"),
    );
    await another(started);
    expect(begun[1]?.told).toEqual([
      { kind: "take-clients", from: { host: "127.0.0.1", ports: { transaction, session }, shared: false } },
    ]);
    // Nobody holds the one that could be had.
    const next = createServer().listen(transaction, "127.0.0.1");
    await once(next, "listening");
    next.close();
  });
});
