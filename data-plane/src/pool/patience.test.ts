import { describe, expect, it } from "vitest";
import { toldAfterMs } from "./patience.js";

const NOWHERE = { anyOpen: false, wasThere: false };
const KNOWN = { anyOpen: false, wasThere: true };

describe("patience with a database that gives no server", () => {
  it("has none with a refusal, nor with a database that nobody has ever reached", () => {
    expect(toldAfterMs("refused", KNOWN)).toBe(0);
    expect(toldAfterMs("away", NOWHERE)).toBe(0);
  });

  it("waits out a restart of one that was there, and a lack of connections", () => {
    expect(toldAfterMs("away", KNOWN)).toBe(5000);
    expect(toldAfterMs("crowded", NOWHERE)).toBe(5000);
    expect(toldAfterMs("limited", NOWHERE)).toBe(5000);
  });

  it("tells nobody of one that is starting, nor of a lack of connections while some servers are there", () => {
    expect(toldAfterMs("starting", KNOWN)).toBeUndefined();
    expect(toldAfterMs("crowded", { anyOpen: true, wasThere: true })).toBeUndefined();
  });
});
