import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { findTool } from "../support/tools.js";
import { FAILED, failedRow } from "./cells.js";
import { findPgBouncer } from "./contestants/pgbouncer.js";
import { type GroundOptions, onGround } from "./ground.js";
import { commitOf, describeMachine } from "./machine.js";
import type { Measure, Outcome, Result } from "./measure.js";
import { connectStorm } from "./measures/connect-storm.js";
import { floor } from "./measures/floor.js";
import { idleClients } from "./measures/idle-clients.js";
import { manyClients } from "./measures/many-clients.js";
import { manyTenants } from "./measures/many-tenants.js";
import { oneChange } from "./measures/one-change.js";
import { propagation } from "./measures/propagation.js";
import { reconnectStorm } from "./measures/reconnect-storm.js";
import { resultSize } from "./measures/result-size.js";
import { startFromDisk } from "./measures/start-from-disk.js";
import { tail } from "./measures/tail.js";
import { throughput } from "./measures/throughput.js";
import { workers } from "./measures/workers.js";
import { writePage } from "./page.js";
import { svg } from "./plot.js";
import { table } from "./table.js";

/*
 * `make bench`: the product beside PgBouncer and Postgres itself, in one run. Arguments: names of benchmarks (none:
 * all), and --quick.
 */

const MEASURES: readonly Measure[] = [
  throughput,
  floor,
  tail,
  connectStorm,
  idleClients,
  manyClients,
  reconnectStorm,
  resultSize,
  workers,
  manyTenants,
  oneChange,
  startFromDisk,
  propagation,
];
/** The everyday form: under three minutes. */
const QUICK: readonly string[] = ["throughput", "tail", "connect-storm"];
/** This file lies three steps below the checkout's top folder, compiled. */
const CHECKOUT = fileURLToPath(new URL("../../..", import.meta.url));

async function main(args: readonly string[]): Promise<void> {
  const quick = args.includes("--quick");
  const named = args.filter((arg) => arg !== "--quick");
  const unknown = named.filter((name) => !MEASURES.some((measure) => measure.name === name));
  if (unknown.length > 0) {
    throw new Error(
      `no such benchmark: ${unknown.join(", ")}; there are ${MEASURES.map(({ name }) => name).join(", ")}`,
    );
  }
  const chosen = MEASURES.filter(({ name }) =>
    named.length > 0 ? named.includes(name) : !quick || QUICK.includes(name),
  );
  const say = (line: string): void => void process.stdout.write(`${line}\n`);
  const machine = describeMachine(findTool("pgbench"), findPgBouncer());
  const commit = commitOf(CHECKOUT);
  say(
    `commit ${commit}, ${machine.processors} processors (${machine.model}), Node ${machine.node}, ${machine.pgbouncer ?? "no PgBouncer"}`,
  );
  // A short look at half the machine says less than a full run: it is kept apart.
  const folder = quick ? join(CHECKOUT, "reports/bench-quick") : join(CHECKOUT, "test/benchmark/results");
  mkdirSync(folder, { recursive: true });
  const failed: string[] = [];
  for (const measure of chosen) {
    say(`\n${measure.name}: ${measure.what}`);
    const beganMs = performance.now();
    const outcome = await attempt(measure, {
      quick,
      pinned: machine.pinned,
      note: (line) => say(`  ${line}`),
    });
    const { rows, plot, rounds } = outcome;
    say(`\n${table(rows)}\n(${Math.round((performance.now() - beganMs) / 1000)} s)`);
    if (outcome.failed) failed.push(measure.name);
    const result: Result = {
      ...{ benchmark: measure.name, what: measure.what, at: new Date().toISOString(), commit },
      ...{ machine, rows, rounds },
    };
    writeFileSync(join(folder, `${measure.name}.json`), `${JSON.stringify(result, sixDigits, 1)}\n`);
    if (plot !== undefined) writeFileSync(join(folder, `${measure.name}.svg`), svg(rows, plot));
    // After each: a run that is broken off has what it came to.
    if (!quick) writePage(join(CHECKOUT, "docs/performance.md"), folder);
  }
  say(`\nresults in ${folder}`);
  if (failed.length > 0) {
    say(`not whole: ${failed.join(", ")}`);
    process.exitCode = 1;
  }
}

/** What a clock says beyond them is not measured. */
function sixDigits(_: string, value: unknown): unknown {
  return typeof value === "number" && !Number.isInteger(value) ? Number(value.toPrecision(6)) : value;
}

/** One that fails loses neither the others nor what it had before. */
async function attempt(
  measure: Measure,
  options: GroundOptions,
): Promise<Outcome & { readonly failed: boolean }> {
  try {
    const outcome = await onGround(options, (ground) => measure.measure(ground));
    return { ...outcome, failed: outcome.rows.some(({ values }) => FAILED in values) };
  } catch (error) {
    const rows = [failedRow(measure.name, error)];
    return { rows, rounds: {}, plot: undefined, failed: true };
  }
}

await main(process.argv.slice(2));
// Whatever a measure that failed has left open does not keep the run from ending.
process.exit();
