import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Result } from "./measure.js";
import { markdownTable } from "./table.js";
import { shortfallsOf } from "./targets.js";

const BEGIN = "<!-- results -->";
const END = "<!-- /results -->";

/** Writes the newest result of every benchmark into the page, between its marks. */
export function writePage(page: string, results: string): void {
  const text = readFileSync(page, "utf8");
  const begin = text.indexOf(BEGIN);
  const end = text.indexOf(END);
  if (begin === -1 || end < begin) throw new Error(`${page} has no place for results`);
  const found = readdirSync(results)
    .filter((file) => file.endsWith(".json"))
    .sort()
    .map((file) => JSON.parse(readFileSync(join(results, file), "utf8")) as Result);
  const sections = [
    short(found),
    ...found.map((result) => section(result, existsSync(join(results, `${result.benchmark}.svg`)))),
  ];
  writeFileSync(page, `${text.slice(0, begin + BEGIN.length)}\n${sections.join("\n")}\n${text.slice(end)}`);
}

function short(results: readonly Result[]): string {
  const rows = shortfallsOf(results).map(({ benchmark, cell, column, figure, target, because }) => ({
    cell: `${benchmark}: ${cell}`,
    values: { what: column, figure, target, "what stands in the way": because },
  }));
  const text =
    rows.length === 0
      ? "No cell that was measured is short of the target for one worker."
      : markdownTable(rows);
  return ["### Short of the target", "", text, ""].join("\n");
}

function section({ benchmark, what, at, commit, machine, rows }: Result, plotted: boolean): string {
  const { processors, model, node, pgbouncer, loadBefore } = machine;
  return [
    `### ${benchmark}`,
    "",
    `${what[0]?.toUpperCase()}${what.slice(1)}.`,
    "",
    markdownTable(rows),
    "",
    ...(plotted ? [`![${benchmark}](../test/benchmark/results/${benchmark}.svg)`, ""] : []),
    `${at.slice(0, 10)}, commit ${commit}, ${processors} processors (${model}), Node ${node}, ${pgbouncer ?? "no PgBouncer"}, load before ${loadBefore.toFixed(1)}.`,
    "",
  ].join("\n");
}
