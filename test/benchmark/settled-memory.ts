import { setTimeout as after } from "node:timers/promises";
import type { Contestant } from "./contestants/contestant.js";
import { memoryOf } from "./processes.js";

const SAME_WITHIN = 0.005;
const LOOK_EVERY_MS = 1000;
const MOST_LOOKS = 15;

/** Bytes, of all its processes, once that changes no more: a collector gives back what logins needed. */
export async function settledMemory(contestant: Contestant): Promise<number> {
  let last = memoryOf(contestant.pids());
  for (let look = 0, same = 0; look < MOST_LOOKS && same < 3; look++) {
    await after(LOOK_EVERY_MS);
    const now = memoryOf(contestant.pids());
    same = Math.abs(now - last) <= last * SAME_WITHIN ? same + 1 : 0;
    last = now;
  }
  return last;
}
