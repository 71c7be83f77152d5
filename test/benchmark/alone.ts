import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { findTool } from "../support/tools.js";
import { findPgBouncer } from "./contestants/pgbouncer.js";
import { commitOf, describeMachine } from "./machine.js";
import type { LoneMeasure, Result } from "./measure.js";
import { manyTenants } from "./measures/many-tenants.js";
import { oneChange } from "./measures/one-change.js";
import { propagation } from "./measures/propagation.js";
import { startFromDisk } from "./measures/start-from-disk.js";
import { table } from "./table.js";

/*
 * Benchmarks in which no pooler takes part, the same as in `make bench`, without its ground. Arguments: names, and
 * --quick: smaller, into reports/.
 */

const CHECKOUT = fileURLToPath(new URL("../../..", import.meta.url));
const MEASURES: readonly LoneMeasure[] = [propagation, manyTenants, oneChange, startFromDisk];

async function main(args: readonly string[]): Promise<void> {
  const quick = args.includes("--quick");
  const names = args.filter((arg) => arg !== "--quick");
  const say = (line: string): void => void process.stdout.write(`${line}\n`);
  const machine = describeMachine(findTool("pgbench"), findPgBouncer());
  for (const name of names) {
    const measure = MEASURES.find((each) => each.name === name);
    if (measure === undefined) throw new Error(`no such benchmark: ${name}`);
    const { rows, rounds } = await measure.measure({ quick, note: (line) => say(`  ${line}`) });
    say(`\n${table(rows)}`);
    const result: Result = {
      ...{ benchmark: name, what: measure.what, at: new Date().toISOString() },
      ...{ commit: commitOf(CHECKOUT), machine, rows, rounds },
    };
    const folder = join(CHECKOUT, quick ? "reports/bench-quick" : "test/benchmark/results");
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, `${name}.json`), `${JSON.stringify(result, undefined, 1)}\n`);
  }
}

await main(process.argv.slice(2));
