import { describe, expect, it } from "vitest";
import { AddressRanges } from "./address-ranges.js";

describe("AddressRanges", () => {
  it("holds the addresses of its ranges and no others", () => {
    const ranges = AddressRanges.parse(["10.0.0.0/8", "192.0.2.7/32", "2001:db8::/32"]);
    for (const address of ["10.0.0.0", "10.255.255.255", "192.0.2.7", "2001:db8::1"]) {
      expect(ranges.includes(address), address).toBe(true);
    }
    for (const address of ["11.0.0.0", "192.0.2.8", "2001:db9::1", "", "localhost"]) {
      expect(ranges.includes(address), address).toBe(false);
    }
  });

  it("sees an IPv4 address through the form that a dual-stack socket gives it", () => {
    const ranges = AddressRanges.parse(["10.0.0.0/8"]);
    expect(ranges.includes("::ffff:10.1.2.3")).toBe(true);
    expect(ranges.includes("::ffff:11.1.2.3")).toBe(false);
  });

  it("keeps the families apart", () => {
    expect(AddressRanges.parse(["10.0.0.0/8", "::/0"]).includes("127.0.0.1")).toBe(false);
    expect(AddressRanges.parse(["::ffff:0:0/96"]).includes("10.0.0.1")).toBe(false);
    expect(AddressRanges.parse(["0.0.0.0/0"]).includes("2001:db8::1")).toBe(false);
  });

  it("lets everyone in by the default ranges, and nobody by an empty list", () => {
    const everyone = AddressRanges.parse(["0.0.0.0/0", "::/0"]);
    expect([everyone.includes("203.0.113.9"), everyone.includes("fe80::1%eth0")]).toEqual([true, true]);
    expect(AddressRanges.parse([]).includes("127.0.0.1")).toBe(false);
  });

  it.each([
    "10.0.0.0",
    "10.0.0.0/33",
    "::/129",
    "10.0.0.0/8/8",
    "fe80::%1/64",
    "db/8",
    "",
  ])("refuses %j", (range) => {
    expect(() => AddressRanges.parse([range])).toThrow(/no address range/);
  });
});
