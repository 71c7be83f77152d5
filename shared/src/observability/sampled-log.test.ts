import { describe, expect, it } from "vitest";
import { FakeClock } from "../time/index.js";
import type { LogFields, Logger } from "./logger.js";
import { SampledLog } from "./sampled-log.js";

function recorded(): { logger: Logger; lines: [string, LogFields | undefined][] } {
  const lines: [string, LogFields | undefined][] = [];
  const write = (message: string, fields?: LogFields): void => {
    lines.push([message, fields]);
  };
  const logger: Logger = { debug: write, info: write, warn: write, error: write, child: () => logger };
  return { logger, lines };
}

describe("a sampled log", () => {
  it("writes the first lines of each kind, then one that says how many were left out, then begins anew", () => {
    const { logger, lines } = recorded();
    const clock = new FakeClock();
    const log = new SampledLog(logger, "refused", clock, { lines: 2, windowMs: 1000 });
    for (let i = 0; i < 5; i++) log.write("info", "A", { i });
    log.write("info", "B", { i: 9 });
    expect(lines).toEqual([
      ["refused", { i: 0 }],
      ["refused", { i: 1 }],
      ["refused", { i: 9 }],
    ]);
    clock.advance(1000);
    expect(lines.slice(3)).toEqual([["refused: lines left out", { kind: "A", leftOut: 3, withinMs: 1000 }]]);
    log.write("info", "A", { i: 10 });
    expect(lines.at(-1)).toEqual(["refused", { i: 10 }]);
  });

  it("is bounded in kinds: those beyond share one", () => {
    const { logger, lines } = recorded();
    const log = new SampledLog(logger, "refused", new FakeClock(), { lines: 1, kinds: 1 });
    for (const kind of ["A", "B", "C", "A"]) log.write("info", kind, { kind });
    expect(lines.map(([, fields]) => fields?.kind)).toEqual(["A", "B"]);
  });
});
