/** Prometheus' text format, version 0.0.4: families of several data planes as one, each with one HELP and TYPE. */
export class Exposition {
  readonly #families = new Map<string, { readonly head: string; readonly lines: string[] }>();

  /** @param suffix `_sum` and the like */
  add(
    family: { readonly name: string; readonly help: string; readonly type: string },
    suffix: string,
    labels: Readonly<Record<string, string>>,
    value: number,
  ): void {
    const { name, help, type } = family;
    const known = this.#families.get(name) ?? {
      head: `# HELP ${name} ${help.replace(/\\/g, "\\\\").replace(/\n/g, "\\n")}\n# TYPE ${name} ${type}`,
      lines: [],
    };
    this.#families.set(name, known);
    const shown = Object.entries(labels)
      .toSorted(([a], [b]) => (a < b ? -1 : 1))
      .map(([label, text]) => `${label}="${escaped(text)}"`);
    known.lines.push(
      `${name}${suffix}${shown.length === 0 ? "" : `{${shown.join(",")}}`} ${numberText(value)}`,
    );
  }

  get text(): string {
    return [...this.#families.values()].map(({ head, lines }) => `${head}\n${lines.join("\n")}\n`).join("");
  }
}

function escaped(text: string): string {
  return text.replace(/\\/g, "\\\\").replace(/"/g, '\\"').replace(/\n/g, "\\n");
}

function numberText(value: number): string {
  if (value === Number.POSITIVE_INFINITY) return "+Inf";
  if (value === Number.NEGATIVE_INFINITY) return "-Inf";
  return String(value);
}
