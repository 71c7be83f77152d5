import { TestCa } from "../../support/certificates.js";
import { cell, failedRow } from "../cells.js";
import { startBareServers } from "../contestants/bare-server.js";
import type { Contestant } from "../contestants/contestant.js";
import { IdleClients } from "../load/idle-clients.js";
import type { Measure, Row } from "../measure.js";
import { settledMemory } from "../settled-memory.js";

/** Clients that are logged in and idle: what each costs the pooler in memory, all its processes together. */
export const idleClients: Measure = {
  name: "idle-clients",
  what: "memory for each authenticated idle client, plain and TLS, and for a socket of Node with nothing behind it",
  async measure({ course, sluice, pgbouncer, quick, note }) {
    const rows: Row[] = [];
    const rounds: Record<string, unknown> = {};
    const pair = await (await TestCa.make("Benchmark")).issue({ commonName: "localhost" });
    const bare = await startBareServers(course, pair);
    try {
      for (const tls of [false, true]) {
        const floor = tls ? bare.tls : bare.plain;
        for (const contestant of [sluice, floor, ...(pgbouncer === undefined ? [] : [pgbouncer])])
          await hold(contestant, tls, contestant === floor);
      }
    } finally {
      await bare.stop();
    }
    return { rows, rounds, plot: undefined };

    async function hold(contestant: Contestant, tls: boolean, isBare: boolean): Promise<void> {
      const clients = new IdleClients(contestant, tls, isBare);
      try {
        // The first logins make what is there once: pools, caches, compiled code.
        await clients.growTo(100);
        const before = await settledMemory(contestant);
        // A TLS handshake costs some milliseconds of the machine, and each client as much as the one before it.
        for (const count of quick ? [1000, 3000] : tls ? [1000, 5000] : [1000, 15_000]) {
          const name = `${contestant.name}${tls ? " TLS" : ""}, ${count.toLocaleString("en-US")} clients`;
          await cell(rows, name, note, async () => {
            await clients.growTo(count + 100);
            const held = await settledMemory(contestant);
            rounds[name] = { before, held };
            return { "MiB in all": held / 2 ** 20, "KB each": (held - before) / count / 1000 };
          });
        }
      } catch (error) {
        rows.push(failedRow(contestant.name, error));
      } finally {
        clients.close();
      }
    }
  },
};
