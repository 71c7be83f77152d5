import cluster, { type Worker } from "node:cluster";
import type { VerifiedBytes } from "@sluice/shared/bundle";
import { SluiceError } from "@sluice/shared/errors";
import { background } from "@sluice/shared/lifecycle";
import type { Logger } from "@sluice/shared/observability";
import { Backoff, type Clock, Deadline } from "@sluice/shared/time";
import type { AcceptedChange, StateSink } from "../subscription/index.js";
import { applyRecords, type Directory, examineRecord } from "../tenants/index.js";
import type { Verifiers } from "../verifiers/index.js";
import type { Figures, Ports, ToPrimary, ToWorker, VerifierAnswer } from "./messages.js";

/**
 * The process that holds what there is once in a data plane: the subscription, the disk, auth_query, the operations
 * port. It starts the workers, keeps them supplied with the state, and replaces one that ends.
 */
export class Primary implements StateSink {
  readonly #directory: Directory;
  readonly #verifiers: Verifiers;
  readonly #scope: string;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #records = new Map<string, VerifiedBytes>();
  #dataKeys: ReadonlyMap<string, Uint8Array> = new Map();
  #worker: Worker | undefined;
  #ports: Ports | undefined;
  #figures: Figures | undefined;
  #stopping = false;

  constructor(directory: Directory, verifiers: Verifiers, scope: string, clock: Clock, logger: Logger) {
    this.#directory = directory;
    this.#verifiers = verifiers;
    this.#scope = scope;
    this.#clock = clock;
    this.#logger = logger;
  }

  get figures(): Figures | undefined {
    return this.#figures;
  }

  get listening(): boolean {
    return this.#ports !== undefined && this.#worker?.isConnected() === true;
  }

  examine(id: string, body: VerifiedBytes, dataKeys: ReadonlyMap<string, Uint8Array>): void {
    examineRecord(id, body, this.#scope, dataKeys);
  }

  apply(change: AcceptedChange): void {
    const { dataKeys, upsert, remove, scope } = change;
    this.#dataKeys = dataKeys;
    for (const id of remove) this.#records.delete(id);
    for (const [id, body] of upsert) this.#records.set(id, body);
    applyRecords(this.#directory, change);
    this.#send({ kind: "state", scope, dataKeys, upsert, remove });
  }

  /** Starts the worker. @throws when it cannot listen */
  start(): Promise<Ports> {
    cluster.setupPrimary({ serialization: "advanced" });
    const backoff = new Backoff({ firstMs: 200, longestMs: 5000 });
    return new Promise((resolve, reject) => {
      const fork = (): void => {
        const worker = cluster.fork();
        this.#worker = worker;
        worker.on("message", (message: ToPrimary) => {
          switch (message.kind) {
            case "listening":
              this.#ports = message.ports;
              backoff.reset();
              resolve(message.ports);
              break;
            case "cannot-listen":
              reject(new Error(message.reason));
              break;
            default:
              this.#received(message);
          }
        });
        worker.on("exit", (code, signal) => {
          if (this.#stopping) return;
          this.#logger.error("a worker ended and is replaced", { code, signal });
          this.#clock.schedule(backoff.nextDelayMs(), () => {
            if (!this.#stopping) fork();
          });
        });
      };
      fork();
    });
  }

  /** Tells the worker to drain, and waits for its end. */
  async stop(timeoutMs: number): Promise<void> {
    this.#stopping = true;
    const worker = this.#worker;
    if (worker === undefined || worker.isDead()) return;
    const deadline = Deadline.after(this.#clock, timeoutMs);
    await new Promise<void>((resolve) => {
      const timer = deadline.schedule(() => worker.process.kill("SIGKILL"));
      worker.once("exit", () => {
        timer.cancel();
        resolve();
      });
      this.#send({ kind: "stop" });
    });
  }

  #received(message: Exclude<ToPrimary, { kind: "listening" } | { kind: "cannot-listen" }>): void {
    switch (message.kind) {
      case "hello":
        if (this.#directory.loaded) {
          this.#send({
            kind: "state",
            scope: this.#scope,
            dataKeys: this.#dataKeys,
            upsert: this.#records,
            remove: [],
          });
        }
        break;
      case "verifier-wanted":
        background(this.#logger, "verifier", this.#answer(message));
        break;
      case "login-failed": {
        const tenant = this.#directory.find(message.tenant);
        if (tenant !== undefined) this.#verifiers.loginFailed(tenant, message.user);
        break;
      }
      case "figures":
        this.#figures = message.figures;
        break;
    }
  }

  async #answer(wanted: {
    readonly id: number;
    readonly tenant: string;
    readonly user: string;
  }): Promise<void> {
    let outcome: VerifierAnswer["outcome"];
    try {
      const tenant = this.#directory.find(wanted.tenant);
      outcome = { found: tenant === undefined ? undefined : await this.#verifiers.find(tenant, wanted.user) };
    } catch (error) {
      outcome = { failed: SluiceError.from(error).clientMessage.replace(/^\(EAUTHQUERY\) /, "") };
    }
    this.#send({ kind: "verifier", id: wanted.id, outcome });
  }

  #send(message: ToWorker): void {
    const worker = this.#worker;
    if (worker?.isConnected())
      worker.send(message, (error) => error && this.#logger.debug("a worker is gone", { error }));
  }
}
