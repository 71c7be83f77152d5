import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { cell } from "../cells.js";
import { makeSigning, RecordMaker, SignedTenants } from "../load/signed-tenants.js";
import type { LoneMeasure, Row } from "../measure.js";
import { percentile } from "../statistics.js";

const SCOPE = "region:bench";
const DATABASE = {
  ...{ host: "db.example.com", port: 5432, database: "postgres" },
  ...{ user: "app", password: "a password of some length" },
};
/** So that the code is compiled, as it is in a process that has been running. */
const WARM_UP = 100;

/** A change of one tenant among many, in one process: no network and no Postgres takes part. */
export const oneChange: LoneMeasure = {
  name: "one-change",
  what: "a change of one tenant among many: its bytes on the wire, and processor time to build, sign, accept, write and apply it",
  async measure({ quick, note }) {
    const rows: Row[] = [];
    const rounds: Record<string, unknown> = {};
    const count = quick ? 10_000 : 100_000;
    const name = `${count.toLocaleString("en-US")} tenants`;
    await cell(rows, name, note, async () => {
      const folder = mkdtempSync(join(tmpdir(), "sluice-bench-"));
      try {
        const maker = await RecordMaker.make(SCOPE, DATABASE);
        const tenants = await SignedTenants.write(folder, count, maker, await makeSigning());
        const found = await changes(tenants, count, quick ? 200 : 1000);
        rounds[name] = found;
        const sorted = found.cpuMs.toSorted((a, b) => a - b);
        return {
          bytes: Math.max(...found.bytes),
          "CPU ms p50": percentile(sorted, 0.5),
          p95: percentile(sorted, 0.95),
          p99: percentile(sorted, 0.99),
          "to sign it p50": percentile(
            found.signMs.toSorted((a, b) => a - b),
            0.5,
          ),
          mean: sorted.reduce((sum, ms) => sum + ms, 0) / sorted.length,
        };
      } finally {
        rmSync(folder, { recursive: true, force: true });
      }
    });
    return { rows, rounds, plot: undefined };
  },
};

interface Changes {
  readonly bytes: number[];
  /** Of all threads: what waits for the disk is not in it, collections of garbage are. */
  readonly cpuMs: number[];
  /** Of that, at the control plane. */
  readonly signMs: number[];
}

async function changes(tenants: SignedTenants, count: number, rounds: number): Promise<Changes> {
  const found: Changes = { bytes: [], cpuMs: [], signMs: [] };
  for (let round = 1 - WARM_UP; round <= rounds; round += 1) {
    const before = process.cpuUsage();
    const change = await tenants.change((Math.abs(round) * 7919) % count, 20 + (Math.abs(round) % 50));
    const sign = process.cpuUsage(before);
    await change.taken();
    const all = process.cpuUsage(before);
    if (round <= 0) continue;
    found.bytes.push(change.bytes);
    found.signMs.push((sign.user + sign.system) / 1000);
    found.cpuMs.push((all.user + all.system) / 1000);
  }
  return found;
}
