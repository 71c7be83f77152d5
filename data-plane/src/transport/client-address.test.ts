import { describe, expect, it } from "vitest";
import { clientAddress } from "./client-address.js";

describe("a client's address", () => {
  it("is the v4 address when it comes in v6's clothes", () => {
    expect(clientAddress("::ffff:10.1.2.3")).toEqual({ ip: "10.1.2.3", group: "10.1.2.3" });
  });

  it("counts with its /64 when it is v6", () => {
    expect(clientAddress("2001:db8:1:2:3:4:5:6")?.group).toBe("2001:db8:1:2::/64");
    expect(clientAddress("2001:db8:1:2::")?.group).toBe(clientAddress("2001:db8:1:2:ffff::1")?.group);
    expect(clientAddress("2001:db8:1:3::1")?.group).not.toBe(clientAddress("2001:db8:1:2::1")?.group);
  });

  it("is nothing when it is no address", () => {
    expect(clientAddress(undefined)).toBeUndefined();
    expect(clientAddress("localhost")).toBeUndefined();
  });
});
