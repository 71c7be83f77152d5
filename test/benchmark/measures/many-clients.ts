import { cell } from "../cells.js";
import { startSluice } from "../contestants/sluice.js";
import { IdleClients } from "../load/idle-clients.js";
import type { Measure, Row } from "../measure.js";
import { cpuSecondsOf } from "../processes.js";
import { settledMemory } from "../settled-memory.js";

/** Each may have 20,000 files open here. */
const WORKERS = 6;
const MILLION = 1_000_000;

/** A crowd on one data plane: what each further client costs, and what a million of them would. */
export const manyClients: Measure = {
  name: "many-clients",
  what: `up to 100,000 authenticated idle clients on one data plane with ${WORKERS} workers: memory of all its processes, and a million by extrapolation`,
  async measure({ course, quick, note }) {
    const counts = quick ? [2000, 6000] : [10_000, 50_000, 100_000];
    const most = (counts.at(-1) ?? 0) + 1000;
    const rows: Row[] = [];
    const rounds: Record<string, unknown> = {};
    const sluice = await startSluice({ ...course, maxClients: most }, { workers: WORKERS });
    const clients = new IdleClients(sluice, false);
    try {
      await clients.growTo(600);
      const before = await settledMemory(sluice);
      let inBefore = 600;
      for (const count of counts) {
        await cell(rows, `${count.toLocaleString("en-US")} clients`, note, async () => {
          const [beganMs, cpu] = [performance.now(), cpuSecondsOf(sluice.pids())];
          await clients.growTo(count + 600);
          const seconds = (performance.now() - beganMs) / 1000;
          const cpuEach = ((cpuSecondsOf(sluice.pids()) - cpu) * 1e6) / (count + 600 - inBefore);
          const loggedIn = (count + 600 - inBefore) / seconds;
          inBefore = count + 600;
          const held = await settledMemory(sluice);
          const idleCpu = cpuSecondsOf(sluice.pids());
          const idleMs = performance.now();
          await settledMemory(sluice);
          const idle = (cpuSecondsOf(sluice.pids()) - idleCpu) / ((performance.now() - idleMs) / 1000);
          rounds[count] = { before, held };
          const each = (held - before) / count;
          return {
            "MiB in all": held / 2 ** 20,
            "KB each": each / 1000,
            "a million, GiB": (before + each * MILLION) / 2 ** 30,
            "logins/s": loggedIn,
            "CPU µs a login": cpuEach,
            "idle CPU %": idle * 100,
          };
        });
      }
    } finally {
      clients.close();
      await sluice.stop();
    }
    return { rows, rounds, plot: undefined };
  },
};
