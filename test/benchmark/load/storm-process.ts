import { RawClient } from "../../support/raw-client.js";

/*
 * A process of clients that log in and ask once: all at the same moment, or so many at a time. Told how many over its
 * channel, it answers when each has been served or refused.
 */

export interface StormTask {
  readonly port: number;
  readonly user: string;
  readonly password: string;
  readonly database: string;
  readonly applicationName: string;
  readonly count: number;
  readonly atOnce: number;
  readonly tls: boolean;
  /** Otherwise each goes when it has its answer. */
  readonly stay: boolean;
  /** Of several such processes, from 0. */
  readonly place: number;
}

export interface StormAnswer {
  /** When each had its answer, since the moment they all came. */
  readonly servedMs: readonly number[];
  /** Why others had none, and how many. */
  readonly failures: Readonly<Record<string, number>>;
}

/** The kernel looks for a free port among those that closed within the last minute: an address of its own for so many. */
const CLIENTS_AN_ADDRESS = 250;

async function one(task: StormTask, number: number): Promise<void> {
  const { port, place, user, database, password } = task;
  const net = 2 + (process.pid % 250);
  const host = 1 + ((Math.floor(number / CLIENTS_AN_ADDRESS) * 4 + place) % 250);
  const client = await RawClient.connect(port, "127.0.0.1", `127.1.${net}.${host}`);
  if (task.tls) await client.requestTls();
  await client.logIn({ user, database, application_name: task.applicationName }, { password });
  await client.query("select 1");
  if (!task.stay) client.close();
}

process.once("message", async (task: StormTask) => {
  const beganMs = performance.now();
  const servedMs: number[] = [];
  const failures: Record<string, number> = {};
  let begun = 0;
  const work = async (): Promise<void> => {
    while (begun < task.count) {
      begun += 1;
      try {
        await one(task, begun);
        servedMs.push(performance.now() - beganMs);
      } catch (error) {
        const reason = String(error).slice(0, 120);
        failures[reason] = (failures[reason] ?? 0) + 1;
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(task.count, task.atOnce) }, work));
  process.send?.({ servedMs, failures } satisfies StormAnswer);
});
process.once("disconnect", () => process.exit());
