import { describe, expect, it } from "vitest";
import { applicationNameAsReported, applicationNameWithHost } from "./application-name.js";

describe("application_name_add_host", () => {
  it("puts the client's address behind its name", () => {
    expect(applicationNameWithHost("web", "10.1.2.3", 4711)).toBe("web - 10.1.2.3:4711");
    expect(applicationNameWithHost(undefined, "10.1.2.3", 4711)).toBe("app - 10.1.2.3:4711");
    expect(applicationNameWithHost("web", "2001:db8::1", 4711)).toBe("web - [2001:db8::1]:4711");
    expect(applicationNameWithHost("web", "10.1.2.3", undefined)).toBe("web - 10.1.2.3");
  });

  it("shortens the name and never the address", () => {
    const name = applicationNameWithHost("x".repeat(100), "10.1.2.3", 4711);
    expect(name).toHaveLength(63);
    expect(name.endsWith("x - 10.1.2.3:4711")).toBe(true);
  });
});

describe("an application_name as it is reported", () => {
  it("shows what is not printable ASCII as the server's version does", () => {
    expect(applicationNameAsReported("ä\t", "18.4")).toBe("\\xc3\\xa4\\x09");
    expect(applicationNameAsReported("ä\t", "15.18 (Debian 15.18-0+deb12u1)")).toBe("???");
  });

  it("is cut at 63 bytes, between two characters", () => {
    expect(applicationNameAsReported(`${"x".repeat(62)}ä`, "15.1")).toBe("x".repeat(62));
  });
});
