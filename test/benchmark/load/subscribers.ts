import { type ChildProcess, fork } from "node:child_process";
import { fileURLToPath } from "node:url";
import { eventually } from "../../support/eventually.js";
import type { HeldTold, SubscribersTask, SubscribersTold } from "./subscribers-process.js";

const PROGRAM = fileURLToPath(new URL("subscribers-process.js", import.meta.url));
const REMEMBERED = 10_000;

interface Crew {
  readonly child: ChildProcess;
  /** Of each generation that all of them came to hold: when the last one's ack was answered. */
  readonly held: { readonly generation: bigint; readonly atMs: number }[];
  last: HeldTold | undefined;
  open: number;
  bytes: number;
}

/** Light subscribers in processes of their own, until `close`. */
export class Subscribers {
  readonly #crews: Crew[] = [];

  /** @param processes that share the task's count. */
  start(task: SubscribersTask, processes: number): void {
    for (let index = 0; index < processes; index += 1) {
      const child = fork(PROGRAM, []);
      const crew: Crew = { child, held: [], last: undefined, open: 0, bytes: 0 };
      child.on("message", (told: SubscribersTold) => {
        if (told.kind === "open") {
          crew.open = told.open;
          return;
        }
        if (told.kind === "bytes") {
          crew.bytes += told.bytes;
          return;
        }
        crew.last = told.held;
        crew.held.push({ generation: BigInt(told.held.generation), atMs: told.atMs });
        if (crew.held.length > REMEMBERED) crew.held.shift();
      });
      const count =
        Math.floor((task.count * (index + 1)) / processes) - Math.floor((task.count * index) / processes);
      child.send({ ...task, count } satisfies SubscribersTask);
      this.#crews.push(crew);
    }
  }

  /** Streams that have had their hello. */
  get open(): number {
    return this.#crews.reduce((sum, crew) => sum + crew.open, 0);
  }

  /** Of all snapshots that they have taken. */
  get bytes(): number {
    return this.#crews.reduce((sum, crew) => sum + crew.bytes, 0);
  }

  /** What the last process's subscribers all hold. */
  get held(): HeldTold | undefined {
    return this.#crews.at(-1)?.last;
  }

  /** When the last of all subscribers had its ack of this generation, or a later one, answered. Ms since the epoch. */
  async allHold(generation: bigint, timeoutMs: number): Promise<number> {
    const times = await eventually(
      `all hold generation ${generation}`,
      () => {
        const found = this.#crews.map(({ held }) => held.find((each) => each.generation >= generation));
        return found.every((each) => each !== undefined) ? found.map(({ atMs }) => atMs) : undefined;
      },
      { timeoutMs, everyMs: 2 },
    );
    return Math.max(...times);
  }

  close(): void {
    for (const { child } of this.#crews.splice(0)) child.kill("SIGKILL");
  }
}
