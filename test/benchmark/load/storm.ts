import { type ChildProcess, fork } from "node:child_process";
import { fileURLToPath } from "node:url";
import type { Contestant } from "../contestants/contestant.js";
import { pin } from "../processes.js";
import type { StormAnswer, StormTask } from "./storm-process.js";

const PROGRAM = fileURLToPath(new URL("storm-process.js", import.meta.url));
const PROCESSES = 2;
const TIMEOUT_MS = 180_000;

export interface Storm {
  /** When each was served, sorted. */
  readonly servedMs: readonly number[];
  readonly failures: Readonly<Record<string, number>>;
}

/** What the clients call themselves: the database sees it on the servers that they are given. */
export function stormName({ name }: Contestant): string {
  return `storm of ${name}`;
}

export interface StormOptions {
  readonly count: number;
  /** Of each process. */
  readonly atOnce: number;
  readonly tls: boolean;
  /** Until the last has been served. */
  readonly stay: boolean;
  /** Where the clients run; undefined: anywhere. */
  readonly processor?: number | undefined;
}

/** So many clients, each with a login and one query, by processes of their own. Their PBKDF2 is computed once. */
export async function storm(contestant: Contestant, options: StormOptions): Promise<Storm> {
  const processes = options.stay ? PROCESSES : 1;
  const children: ChildProcess[] = Array.from({ length: processes }, () => fork(PROGRAM, []));
  try {
    for (const { pid } of children)
      if (pid !== undefined && options.processor !== undefined) pin([pid], options.processor);
    const count = Math.ceil(options.count / processes);
    const answers = await Promise.all(
      children.map((child, at) => served(child, contestant, { ...options, count }, at)),
    );
    const failures: Record<string, number> = {};
    for (const answer of answers)
      for (const [reason, times] of Object.entries(answer.failures))
        failures[reason] = (failures[reason] ?? 0) + times;
    return { servedMs: answers.flatMap(({ servedMs }) => servedMs).sort((a, b) => a - b), failures };
  } finally {
    for (const child of children) child.kill("SIGKILL");
  }
}

function served(
  child: ChildProcess,
  contestant: Contestant,
  { count, atOnce, tls, stay }: StormOptions,
  at: number,
): Promise<StormAnswer> {
  const { port, user, password, database } = contestant;
  return new Promise((resolve, reject) => {
    const late = setTimeout(
      () => reject(new Error(`a storm through ${contestant.name} was not over after ${TIMEOUT_MS / 1000} s`)),
      TIMEOUT_MS,
    );
    child.once("message", (answer: StormAnswer) => {
      clearTimeout(late);
      resolve(answer);
    });
    child.once("exit", (code) => {
      clearTimeout(late);
      reject(new Error(`a process of clients ended with ${code}`));
    });
    child.send({
      ...{ port, user, password, database, count, place: at, atOnce, tls, stay },
      applicationName: stormName(contestant),
    } satisfies StormTask);
  });
}
