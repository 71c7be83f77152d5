import type { Row } from "./measure.js";

/** The column that says why there is nothing else. */
export const FAILED = "failed";

/** Measures one part of a table. One that fails is a row that says why, and the others go on. */
export async function cell(
  rows: Row[],
  name: string,
  note: (line: string) => void,
  measure: () => Promise<Row["values"] | undefined>,
): Promise<void> {
  try {
    const values = await measure();
    if (values !== undefined) rows.push({ cell: name, values });
    note(`${name}: done`);
  } catch (error) {
    rows.push(failedRow(name, error));
    note(`${name}: ${String(error)}`);
  }
}

export function failedRow(name: string, error: unknown): Row {
  const [reason = ""] = (error instanceof Error ? error.message : String(error)).split("\n");
  return { cell: name, values: { [FAILED]: reason.replaceAll("|", "/").slice(0, 160) } };
}
