export interface Series {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

/** One answer of `/metrics`, read. */
export class Scrape {
  readonly text: string;
  /** By name. */
  readonly types: ReadonlyMap<string, string>;
  readonly #series: readonly Series[];

  constructor(text: string) {
    this.text = text;
    const types = [...text.matchAll(/^# TYPE (\S+) (\S+)$/gm)];
    this.types = new Map(types.map(([, name = "", type = ""]) => [name, type]));
    this.#series = text
      .split("\n")
      .filter((line) => line !== "" && !line.startsWith("#"))
      .map(readSeries);
  }

  series(name: string, labels: Readonly<Record<string, string>> = {}): readonly Series[] {
    // A histogram is its buckets and sums.
    const names = new Set([name, `${name}_bucket`, `${name}_sum`, `${name}_count`]);
    const found = this.#series.filter(
      (series) =>
        names.has(series.name) &&
        Object.entries(labels).every(([label, value]) => series.labels[label] === value),
    );
    return found.some((series) => series.name === name)
      ? found.filter((series) => series.name === name)
      : found;
  }

  /** The sum of all series that match; 0 without any. */
  value(name: string, labels: Readonly<Record<string, string>> = {}): number {
    return this.series(name, labels).reduce((sum, { value }) => sum + value, 0);
  }
}

export async function readMetrics(url: string, token?: string): Promise<Scrape> {
  const answer = await fetch(
    url,
    token === undefined ? {} : { headers: { authorization: `Bearer ${token}` } },
  );
  if (answer.status !== 200) throw new Error(`${url}: ${answer.status}`);
  return new Scrape(await answer.text());
}

function readSeries(line: string): Series {
  const [, name = "", labels = "", value = ""] = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)$/.exec(line) ?? [];
  if (name === "") throw new Error(`not a series: ${line}`);
  const pairs = [...labels.matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)];
  return {
    name,
    labels: Object.fromEntries(pairs.map(([, label = "", text = ""]) => [label, text])),
    value: Number(value.replace("+Inf", "Infinity")),
  };
}
