import cluster, { type Worker } from "node:cluster";
import { messageOf, SluiceError } from "@sluice/shared/errors";
import { background } from "@sluice/shared/lifecycle";
import type { Logger, LogLevel } from "@sluice/shared/observability";
import { Backoff, type Clock, Deadline } from "@sluice/shared/time";
import { ClientDealer } from "./client-dealer.js";
import type { Batch, OwnPorts, Ports, ToPrimary, ToWorker } from "./messages.js";
import { CLOSE_TIMEOUT_MS, ModePorts } from "./mode-ports.js";
import { Outbox } from "./outbox.js";
import type { Primary } from "./primary.js";
import { canSharePorts } from "./shared-ports.js";
import { workerEnvironment } from "./worker-environment.js";

export interface WorkerProcessesOptions {
  readonly primary: Primary;
  /** 1 to 64: a worker's number has 6 bits in a cancel key. */
  readonly count: number;
  readonly host: string;
  /** 0: the system chooses. */
  readonly ports: Ports;
  readonly clock: Clock;
  readonly logger: Logger;
  /** How a process is begun. Default: by cluster. */
  readonly fork?: () => Worker;
}

/** For the answer that the ports are closed, in which a look or two may be late. */
const ANSWER_MARGIN_MS = 500;
/** On the command line of a worker. */
const NUMBER = "--worker=";

/** Which worker this process is. */
export function workerNumber(): number {
  const argument = process.argv.find((each) => each.startsWith(NUMBER)) ?? NUMBER;
  return Number(argument.slice(NUMBER.length));
}

interface Slot {
  readonly number: number;
  readonly backoff: Backoff;
  worker: Worker | undefined;
  outbox: Outbox<ToWorker> | undefined;
  takesClients: boolean;
  /** It has been told to close its ports. */
  portsClosed: (() => void) | undefined;
}

/**
 * Starts the workers, keeps the primary and each of them in touch, and replaces one that ends.
 *
 * A single worker has the ports itself, and so has each of several where the system shares ports among processes: a client
 * then costs no hand-over. Everywhere else the ports are here and clients are dealt to the workers, in turn; here they come,
 * too, once a single worker has ended, so that clients find somebody until there is another.
 * See docs/decisions/2026-11-25-who-has-the-ports.md.
 */
export class WorkerProcesses {
  readonly #options: WorkerProcessesOptions;
  readonly #slots: readonly Slot[];
  readonly #dealer: ClientDealer;
  /** Of this process. */
  #ports: ModePorts | undefined;
  /** Of the workers. */
  #theirs: OwnPorts | undefined;
  #level: LogLevel | undefined;
  #stopping = false;
  #closing = false;
  /** Workers that have begun before there was a state to give them, and wait for it; undefined: there is one. */
  #early: (() => void)[] | undefined = [];
  #taking: Promise<unknown> | undefined;

  constructor(options: WorkerProcessesOptions) {
    this.#options = options;
    this.#dealer = new ClientDealer(options.clock);
    this.#slots = Array.from({ length: options.count }, (_, number) => ({
      number,
      backoff: new Backoff({ firstMs: 200, longestMs: 5000 }),
      worker: undefined,
      outbox: undefined,
      takesClients: false,
      portsClosed: undefined,
    }));
  }

  /** Workers that take clients. */
  get takingClients(): number {
    return this.#slots.filter(({ takesClients }) => takesClients).length;
  }

  /** Begins the workers' processes: they load the program while the primary reads the state that `start` gives them. */
  prepare(): void {
    const taking = this.#slots.map(
      (slot) => new Promise<void>((resolve, reject) => this.#fork(slot, resolve, reject)),
    );
    this.#taking = Promise.all(taking);
    // Told by `start`, which may come later than the failure.
    this.#taking.catch(() => undefined);
    // Half begun, each would complain by itself that nobody is there: why the start has failed is to stand alone.
    process.once("exit", () => {
      if (this.#early !== undefined) for (const { worker } of this.#slots) worker?.process.kill("SIGKILL");
    });
  }

  /** Gives them the state. Resolves when all take clients. @throws when a port cannot be had */
  async start(): Promise<Ports> {
    const { host, ports, count, clock } = this.#options;
    if (count === 1) this.#theirs = { host, ports, shared: false };
    else if (canSharePorts()) {
      // A stranger's port would be shared as well: that it is free shows when it is taken alone.
      const free = await ModePorts.open({ host, ports, shared: false }, true, (socket) => socket.destroy());
      this.#theirs = { host, ports: free.numbers, shared: true };
      await free.close(Deadline.after(clock, 0));
    }
    if (this.#taking === undefined) this.prepare();
    const early = this.#early ?? [];
    this.#early = undefined;
    for (const attach of early) attach();
    await this.#taking;
    return this.#theirs?.ports ?? (await this.#takePorts(ports));
  }

  /**
   * Takes no more clients; once those that have come are with the workers, tells these to drain, and waits for their
   * end. So no client is told to go that would find the port open when it comes back.
   */
  async stop(timeoutMs: number): Promise<void> {
    const { clock, logger } = this.#options;
    const closing = Deadline.after(clock, CLOSE_TIMEOUT_MS);
    this.#closing = true;
    await Promise.all([this.#ports?.close(closing), ...this.#slots.map((slot) => this.#closePortsOf(slot))]);
    this.#stopping = true;
    try {
      await this.#dealer.settled(closing);
    } catch (error) {
      logger.warn("not every client that had come was taken", { reason: messageOf(error) });
    }
    const deadline = Deadline.after(clock, timeoutMs);
    await Promise.all(this.#slots.map((slot) => this.#stopOne(slot, deadline)));
  }

  /** From now on clients come here and are dealt. @throws when a port cannot be had: the workers keep theirs then */
  async #takePorts(ports: Ports): Promise<Ports> {
    const { host } = this.#options;
    this.#ports = await ModePorts.open({ host, ports, shared: false }, true, (socket, mode) =>
      this.#dealer.deal(socket, mode),
    );
    this.#theirs = undefined;
    return this.#ports.numbers;
  }

  #onceStarted(attach: () => void): void {
    if (this.#early === undefined) attach();
    else this.#early.push(attach);
  }

  async #closePortsOf(slot: Slot): Promise<void> {
    if (this.#theirs === undefined || !slot.takesClients) return;
    await new Promise<void>((resolve) => {
      slot.portsClosed = resolve;
      this.#options.clock.schedule(CLOSE_TIMEOUT_MS + ANSWER_MARGIN_MS, resolve);
      slot.outbox?.post({ kind: "close-ports" });
    });
  }

  #fork(slot: Slot, ready: () => void, failed: (error: Error) => void): void {
    const { primary, logger, fork = () => cluster.fork(workerEnvironment(process.env)) } = this.#options;
    const { number, backoff } = slot;
    cluster.setupPrimary({ serialization: "advanced", args: [`${NUMBER}${number}`] });
    let worker: Worker;
    try {
      worker = fork();
    } catch (error) {
      // Beside the way below, by which Node tells of some errors; of others (ENOMEM) it tells like this.
      this.#notBegun(slot, SluiceError.from(error), failed);
      return;
    }
    const outbox = new Outbox<ToWorker>((batch, sent) => {
      if (!worker.isConnected()) sent();
      else
        worker.send(batch, (error) => {
          if (error) logger.debug("a worker is gone", { worker: number, error });
          sent();
        });
    });
    Object.assign(slot, { worker, outbox });
    if (this.#level !== undefined) outbox.post({ kind: "log-level", level: this.#level });
    worker.on("message", (batch: Batch<ToPrimary>) => {
      for (const message of batch) {
        if (slot.worker !== worker) return;
        switch (message.kind) {
          case "hello":
            this.#onceStarted(() => {
              if (slot.worker !== worker) return;
              primary.attach(
                number,
                (each, sent) => outbox.post(each, sent),
                () => outbox.post({ kind: "take-clients", from: this.#theirs }),
              );
            });
            break;
          case "cannot-listen":
            failed(new Error(message.reason));
            worker.process.kill("SIGKILL");
            break;
          case "ports-closed":
            slot.portsClosed?.();
            break;
          case "taking-clients":
            slot.takesClients = true;
            backoff.reset();
            if (message.ports !== undefined && this.#theirs !== undefined)
              this.#theirs = { ...this.#theirs, ports: message.ports };
            this.#dealer.attach(number, ({ number: client, socket, mode }) => {
              const message: Batch<ToWorker> = [{ kind: "client", number: client, mode }];
              worker.process.send?.(message, socket, { keepOpen: true }, (error) => {
                if (!error) return;
                socket.destroy();
                logger.debug("a client was lost with its worker", { worker: number, error });
              });
            });
            ready();
            break;
          case "client-taken":
            this.#dealer.taken(number, message.number);
            break;
          default:
            primary.received(number, message);
        }
      }
    });
    worker.on("error", (error) => {
      if (worker.process.pid === undefined) this.#notBegun(slot, error, failed);
      else logger.error("a worker's process has an error", { worker: number, error });
    });
    worker.on("exit", (code, signal) => {
      const tookClients = slot.takesClients;
      Object.assign(slot, { worker: undefined, outbox: undefined, takesClients: false });
      primary.detach(number);
      this.#dealer.detach(number);
      slot.portsClosed?.();
      failed(new Error("a worker ended before it could take clients"));
      if (this.#stopping) return;
      const theirs = this.#theirs;
      if (theirs !== undefined && !theirs.shared && tookClients && !this.#closing)
        background(logger, "taking the ports of a worker that ended", this.#takePorts(theirs.ports));
      logger.error("a worker ended and is replaced", { worker: number, code, signal });
      this.#forkLater(slot);
    });
  }

  /** The system has no place for one more process, or no memory or file for it. */
  #notBegun(slot: Slot, error: Error, failed: (error: Error) => void): void {
    // Node keeps every worker there that has not ended.
    if (slot.worker !== undefined) delete cluster.workers?.[slot.worker.id];
    Object.assign(slot, { worker: undefined, outbox: undefined });
    failed(error);
    if (this.#stopping) return;
    this.#options.logger.error("a worker's process could not be begun", { worker: slot.number, error });
    this.#forkLater(slot);
  }

  #forkLater(slot: Slot): void {
    const { clock, logger } = this.#options;
    const failedAgain = (error: Error): void =>
      logger.error("a worker that takes another's place does not come up", { worker: slot.number, error });
    clock.schedule(slot.backoff.nextDelayMs(), () => {
      if (!this.#stopping) this.#fork(slot, () => undefined, failedAgain);
    });
  }

  /** Workers that begin later have it, too. */
  logAt(level: LogLevel): void {
    this.#level = level;
    for (const { outbox } of this.#slots) outbox?.post({ kind: "log-level", level });
  }

  async #stopOne({ worker, outbox }: Slot, deadline: Deadline): Promise<void> {
    if (worker === undefined || worker.isDead()) return;
    await new Promise<void>((resolve) => {
      const timer = deadline.schedule(() => worker.process.kill("SIGKILL"));
      worker.once("exit", () => {
        timer.cancel();
        resolve();
      });
      outbox?.post({ kind: "stop" });
    });
  }
}
