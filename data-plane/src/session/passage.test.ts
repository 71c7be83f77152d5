import { silentLogger } from "@sluice/shared/observability";
import { FakeClock } from "@sluice/shared/time";
import { describe, expect, it } from "vitest";
import type { ServerConnection } from "../server/index.js";
import type { DirectSocket } from "../transport/index.js";
import { Passage } from "./passage.js";

describe("a replication session", () => {
  it("has at most three cancel requests under way, however often its client asks", async () => {
    const delivered: (() => void)[] = [];
    const passage = new Passage({
      client: {} as DirectSocket,
      server: { hold: () => undefined } as unknown as ServerConnection,
      cancel: () => new Promise((resolve) => delivered.push(resolve)),
      clock: new FakeClock(),
      logger: silentLogger,
      end: () => undefined,
    });
    for (let i = 0; i < 10; i++) passage.cancel();
    expect(delivered).toHaveLength(3);
    delivered[0]?.();
    await new Promise((resolve) => setImmediate(resolve));
    for (let i = 0; i < 10; i++) passage.cancel();
    expect(delivered).toHaveLength(4);
  });
});
