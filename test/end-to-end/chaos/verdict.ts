/** What must never happen, and did. */
export interface Violation {
  readonly atMs: number;
  readonly who: string;
  readonly what: string;
}

const MOST_KEPT = 50;

/** Everything that the run tells: violations, and how often things were done. */
export class Verdict {
  readonly violations: Violation[] = [];
  readonly counts = new Map<string, number>();
  readonly #beganMs = performance.now();
  readonly #recent: string[] = [];

  get sinceMs(): number {
    return Math.round(performance.now() - this.#beganMs);
  }

  violated(who: string, what: string): void {
    if (this.violations.length < MOST_KEPT) this.violations.push({ atMs: this.sinceMs, who, what });
  }

  count(what: string): void {
    this.counts.set(what, (this.counts.get(what) ?? 0) + 1);
  }

  /** What is being broken, for whoever reads a violation later. */
  wrecks(what: string): void {
    this.#recent.push(`${this.sinceMs} ms ${what}`);
  }

  report(): string {
    const counts = [...this.counts].sort().map(([what, count]) => `${what} ${count}`);
    const broken = this.violations.map(({ atMs, who, what }) => {
      const before = this.#recent.filter((line) => Number.parseInt(line, 10) <= atMs).slice(-4);
      return `${atMs} ms ${who}: ${what}\n    before it: ${before.join("; ")}`;
    });
    return [`counts: ${counts.join(", ")}`, ...broken].join("\n");
  }
}
