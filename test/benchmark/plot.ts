import type { Plot, Row } from "./measure.js";

const COLORS = ["#3b6ea5", "#d98032", "#6a9f58", "#9467bd"];
const WIDTH = 900;
const BAR = 14;
const GAP = 14;
const LEFT = 230;
const TOP = 64;

/** Bars from left to right, a group for each row: readable without a program that draws. */
export function svg(rows: readonly Row[], { title, unit, series }: Plot): string {
  const valuesOf = (row: Row): readonly number[] =>
    series.map((name) => {
      const value = row.values[name];
      return typeof value === "number" && Number.isFinite(value) ? value : 0;
    });
  const most = Math.max(1e-9, ...rows.flatMap(valuesOf));
  const groupHeight = series.length * BAR + GAP;
  const height = TOP + rows.length * groupHeight + 20;
  const parts: string[] = [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" font-family="sans-serif" font-size="12">`,
    `<rect width="${WIDTH}" height="${height}" fill="white"/>`,
    `<text x="16" y="24" font-size="16">${escaped(title)}</text>`,
    ...series.map(
      (name, at) =>
        `<rect x="${LEFT + at * 170}" y="36" width="12" height="12" fill="${COLORS[at % COLORS.length]}"/>` +
        `<text x="${LEFT + 18 + at * 170}" y="46">${escaped(name)}, ${escaped(unit)}</text>`,
    ),
  ];
  rows.forEach((row, index) => {
    const y = TOP + index * groupHeight;
    parts.push(
      `<text x="${LEFT - 8}" y="${y + (series.length * BAR) / 2 + 4}" text-anchor="end">${escaped(row.cell)}</text>`,
    );
    valuesOf(row).forEach((value, at) => {
      const width = Math.max(1, ((WIDTH - LEFT - 90) * value) / most);
      parts.push(
        `<rect x="${LEFT}" y="${y + at * BAR}" width="${width.toFixed(1)}" height="${BAR - 2}" fill="${COLORS[at % COLORS.length]}"/>` +
          `<text x="${(LEFT + width + 6).toFixed(1)}" y="${y + at * BAR + 10}" font-size="11">${figure(value)}</text>`,
      );
    });
  });
  return `${parts.join("\n")}\n</svg>\n`;
}

function figure(value: number): string {
  return value >= 100 ? Math.round(value).toLocaleString("en-US") : value.toFixed(2);
}

function escaped(text: string): string {
  return text.replace(/&/g, "&amp;").replace(/</g, "&lt;");
}
