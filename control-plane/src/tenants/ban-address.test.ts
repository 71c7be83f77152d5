import { describe, expect, it } from "vitest";
import { banAddress } from "./ban-address.js";

describe("an address that is banned", () => {
  it("is a v4 address, or the /64 of a v6 one, however it is written", () => {
    expect(banAddress("192.0.2.7")).toBe("192.0.2.7");
    expect(banAddress("::ffff:192.0.2.7")).toBe("192.0.2.7");
    expect(banAddress("2001:DB8:0:0:1:2:3:4")).toBe("2001:db8:0:0::/64");
    expect(banAddress("2001:db8:1:2::/64")).toBe("2001:db8:1:2::/64");
  });

  it("is nothing else", () => {
    for (const text of [
      "",
      "x",
      "192.0.2.0/24",
      "192.0.2.0/64",
      "2001:db8::/32",
      "2001:db8::/64/64",
      "127.1",
      "fe80::1%eth0",
    ]) {
      expect(banAddress(text), text).toBeUndefined();
    }
  });
});
