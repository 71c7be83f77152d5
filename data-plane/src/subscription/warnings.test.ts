import { describe, expect, it } from "vitest";
import { warningsOf } from "./warnings.js";

const DAY_MS = 24 * 3600 * 1000;
const FINE = {
  connected: true,
  epoch: 1n,
  generation: 1n,
  keysetVersion: 1n,
  keysetExpiresAtMs: 100 * DAY_MS,
  freshnessAgeMs: 1,
  stale: false,
  lastError: undefined,
  quarantined: [],
};

describe("the warnings of a data plane", () => {
  it("are none while all is well, also without a control plane", () => {
    expect(warningsOf(FINE, 0)).toEqual([]);
    expect(warningsOf({ ...FINE, connected: false }, 0)).toEqual([]);
  });

  it("tell of a stale configuration, of a keyset in good time, and of what is in quarantine", () => {
    const status = { ...FINE, stale: true, quarantined: ["tenant/a"] };
    expect(warningsOf(status, 90 * DAY_MS)).toEqual([
      expect.stringContaining("may be stale"),
      "the keyset expires at 1970-04-11T00:00:00.000Z",
      "1 records are in quarantine",
    ]);
    expect(warningsOf(FINE, 100 * DAY_MS)).toEqual([expect.stringContaining("nothing new is taken")]);
  });
});
