import type { Result, Row } from "./measure.js";

/** A cell that does not reach what it should. */
export interface Shortfall {
  readonly benchmark: string;
  readonly cell: string;
  readonly column: string;
  readonly figure: number;
  /** In words: "at least 0.95". */
  readonly target: string;
  /** What stands in the way. */
  readonly because: string;
}

interface Target {
  readonly benchmark: string;
  readonly column: string;
  /** Undefined: the target is not about this cell. */
  readonly of: (cell: string) => Bound | undefined;
  readonly because: string;
}

type Bound = { readonly least: number } | { readonly most: number };

const few = (cell: string): boolean => / c=20$/.test(cell);
const isTls = (cell: string): boolean => / TLS\b/.test(cell) || cell === "TLS";

/** What one worker has to reach beside PgBouncer. */
const TARGETS: readonly Target[] = [
  {
    benchmark: "throughput",
    column: "tps ratio",
    of: (cell) => ({ least: few(cell) ? 0.9 : 0.95 }),
    because:
      "Postgres has what the pooler leaves of its processor, which is never idle: the rate is the pooler's share over its time for each, see the processor time of the same row",
  },
  {
    benchmark: "throughput",
    column: "CPU ratio",
    of: (cell) => ({ most: (few(cell) ? 1.5 : 1.25) + (isTls(cell) ? 0.2 : 0) }),
    because:
      "the kernel and Node's way from it to JavaScript, for each read and each write, with caches that are cold when there is one client: see floor, below, for what a relay that looks at nothing costs on Node's streams and on its handles",
  },
  {
    benchmark: "tail",
    column: "p99 ms",
    of: (cell) => (cell.endsWith("ratio") ? { most: 1.25 } : undefined),
    because: "a collection of young objects, and whatever else the two cores do in that moment",
  },
  {
    benchmark: "tail",
    column: "p99 / p50",
    of: (cell) => (cell.startsWith("sluice, overload") ? { most: 1.5 } : undefined),
    because:
      "clients are served in the order in which they came; what is left is the time each takes at the database",
  },
  {
    benchmark: "connect-storm",
    column: "CPU ratio",
    of: () => ({ most: 1.5 }),
    because:
      "a login makes a socket of node with both its streams, a session and a relay, and goes round the event loop five times; no single part is above a tenth",
  },
  {
    benchmark: "idle-clients",
    column: "KB each",
    of: (cell) => (cell.startsWith("sluice") ? { most: isTls(cell) ? 40 : 4 } : undefined),
    because:
      "the row of bare node:net is the floor that TypeScript on node's sockets stands on; above it are a session and a relay. Of few clients it is V8's heap, which grows once by what a thousand logins need, divided by them",
  },
  {
    benchmark: "many-clients",
    column: "a million, GiB",
    of: (cell) => (cell.startsWith("100,000") ? { most: 16 } : undefined),
    because: "what hangs on each client: docs/decisions/2026-12-01-logins-and-idle-clients.md",
  },
  {
    benchmark: "reconnect-storm",
    column: "not served",
    of: (cell) => (cell.startsWith("sluice") ? { most: 0 } : undefined),
    because: "see the reasons in the result file",
  },
  {
    benchmark: "result-size",
    column: "/ plain relay",
    of: (cell) => (/^COPY|1,000,000/.test(cell) ? { least: 0.95 } : undefined),
    because:
      "every message's header is looked at, so that the pooler knows where a message ends when a client goes; the relay looks at nothing",
  },
  {
    benchmark: "many-tenants",
    column: "RSS each, bytes",
    of: () => ({ most: 1500 }),
    because: "records and their index",
  },
  {
    benchmark: "one-change",
    column: "bytes",
    of: () => ({ most: 2048 }),
    because: "the tenant's record, and the envelope around it",
  },
  ...["CPU ms p50", "p95", "p99"].map((column) => ({
    benchmark: "one-change",
    column,
    of: () => ({ most: 5 }),
    because: "a collection of the heap with the whole state in it, and writing durably",
  })),
  {
    benchmark: "start-from-disk",
    column: "first query s",
    of: (cell) => (cell.includes("upgrade") ? undefined : { most: 5 }),
    because: "verifying every record's hash, and handing all records to the workers",
  },
];

export function shortfallsOf(results: readonly Result[]): readonly Shortfall[] {
  return results.flatMap(({ benchmark, rows }) =>
    TARGETS.filter((target) => target.benchmark === benchmark).flatMap((target) =>
      rows.flatMap((row) => shortfall(target, row) ?? []),
    ),
  );
}

function shortfall({ benchmark, column, of, because }: Target, { cell, values }: Row): Shortfall | undefined {
  const figure = values[column];
  const bound = of(cell);
  if (bound === undefined || typeof figure !== "number" || !Number.isFinite(figure)) return undefined;
  if ("least" in bound ? figure >= bound.least : figure <= bound.most) return undefined;
  const target = "least" in bound ? `at least ${bound.least}` : `at most ${round(bound.most)}`;
  return { benchmark, cell, column, figure, target, because };
}

function round(value: number): number {
  return Math.round(value * 100) / 100;
}
