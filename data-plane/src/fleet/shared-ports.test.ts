import { describe, expect, it } from "vitest";
import { canSharePorts } from "./shared-ports.js";

describe("ports that several processes listen on", () => {
  it.each([
    ["20.19.0", "linux", false],
    ["22.11.0", "linux", false],
    ["22.12.0", "linux", true],
    ["23.0.0", "linux", false],
    ["23.1.0", "linux", true],
    ["24.0.0", "linux", true],
    ["24.0.0", "darwin", false],
  ] as const)("on Node %s, %s: %s", (version, platform, can) => {
    expect(canSharePorts(version, platform)).toBe(can);
  });
});
