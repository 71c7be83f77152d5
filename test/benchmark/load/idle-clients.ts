import { type ChildProcess, fork } from "node:child_process";
import { fileURLToPath } from "node:url";
import type { Contestant } from "../contestants/contestant.js";
import type { IdleClientsTask } from "./idle-clients-process.js";

const PROGRAM = fileURLToPath(new URL("idle-clients-process.js", import.meta.url));
/** Of one process: it may have 20,000 files open. */
const MOST_OF_A_PROCESS = 10_000;
const TIMEOUT_MS = 240_000;

/** Clients that have logged in and do nothing, held by processes of their own until `close`. */
export class IdleClients {
  readonly #contestant: Contestant;
  readonly #tls: boolean;
  readonly #bare: boolean;
  readonly #children: ChildProcess[] = [];
  #count = 0;

  /** @param bare there is no Postgres on the other side */
  constructor(contestant: Contestant, tls: boolean, bare = false) {
    this.#bare = bare;
    this.#contestant = contestant;
    this.#tls = tls;
  }

  /** Adds clients until there are so many. @throws when one was refused */
  async growTo(count: number): Promise<void> {
    while (this.#count < count) {
      const more = Math.min(MOST_OF_A_PROCESS, count - this.#count);
      await this.#add(more);
      this.#count += more;
    }
  }

  close(): void {
    for (const child of this.#children) child.kill("SIGKILL");
  }

  #add(count: number): Promise<void> {
    const { port, user, password, database } = this.#contestant;
    const child = fork(PROGRAM, []);
    this.#children.push(child);
    const task: IdleClientsTask = {
      port,
      user,
      password,
      database,
      count,
      tls: this.#tls,
      bare: this.#bare,
      localAddress: `127.0.0.${1 + this.#children.length}`,
    };
    return new Promise((resolve, reject) => {
      const late = setTimeout(() => {
        child.kill("SIGKILL");
        reject(new Error(`${count} clients were not in after ${TIMEOUT_MS / 1000} s`));
      }, TIMEOUT_MS);
      child.once("message", () => clearTimeout(late));
      child.once("exit", (code) => {
        clearTimeout(late);
        reject(new Error(`a process of idle clients ended with ${code}`));
      });
      child.once("message", (answer: { readonly open?: number; readonly failed?: string }) => {
        if (answer.failed === undefined) resolve();
        else reject(new Error(answer.failed));
      });
      child.send(task);
    });
  }
}
