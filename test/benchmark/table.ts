import type { Row } from "./measure.js";

/** Columns as wide as their widest value; figures to the right. */
export function table(rows: readonly Row[]): string {
  const columns = columnsOf(rows);
  const lines = [
    ["", ...columns],
    ...rows.map(({ cell, values }) => [cell, ...columns.map((c) => shown(values[c]))]),
  ];
  const widths = ["", ...columns].map((_, at) => Math.max(...lines.map((line) => line[at]?.length ?? 0)));
  return lines
    .map((line) =>
      line
        .map((text, at) => (at === 0 ? text.padEnd(widths[at] ?? 0) : text.padStart(widths[at] ?? 0)))
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
}

/** The same for a page. */
export function markdownTable(rows: readonly Row[]): string {
  const columns = columnsOf(rows);
  const line = (texts: readonly string[]): string => `| ${texts.join(" | ")} |`;
  return [
    line(["", ...columns]),
    line(["---", ...columns.map(() => "---:")]),
    ...rows.map(({ cell, values }) => line([cell, ...columns.map((c) => shown(values[c]))])),
  ].join("\n");
}

function columnsOf(rows: readonly Row[]): readonly string[] {
  return [...new Set(rows.flatMap(({ values }) => Object.keys(values)))];
}

function shown(value: number | string | undefined): string {
  if (value === undefined) return "";
  if (typeof value === "string") return value;
  if (!Number.isFinite(value)) return "-";
  if (Math.abs(value) >= 1000) return Math.round(value).toLocaleString("en-US");
  return value.toFixed(Math.abs(value) >= 100 ? 0 : Math.abs(value) >= 10 ? 1 : 2);
}
