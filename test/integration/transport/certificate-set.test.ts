import { CertificateSet } from "@sluice/data-plane/transport/certificate-set";
import { describe, expect, it } from "vitest";
import { TestCa } from "../../support/certificates.js";

describe("a set of certificates", () => {
  it("shows the first for a name that is none", async () => {
    const ca = await TestCa.make();
    const pairs = await Promise.all(["one.test", "two.test"].map((name) => ca.issue({ dns: [name] })));
    const set = new CertificateSet(pairs, {});
    const first = set.choose("one.test").id;
    expect(set.choose("two.test").id).not.toBe(first);
    for (const name of ["two\0.test", "\0", "", "two.test\n", "\ud800", "x".repeat(10_000)])
      expect(set.choose(name).id, JSON.stringify(name.slice(0, 20))).toBe(first);
  });
});
