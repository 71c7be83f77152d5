import { createPublicKey, verify } from "node:crypto";
import { describe, expect, it } from "vitest";
import { preAuthenticationEncoding } from "./pae.js";

/** secure-systems-lab/dsse, protocol.md, "Test Vectors". */
const PAYLOAD_TYPE = "http://example.com/HelloWorld";
const PAYLOAD = Buffer.from("hello world", "utf8");

function coordinate(decimal: string): string {
  return Buffer.from(BigInt(decimal).toString(16).padStart(64, "0"), "hex").toString("base64url");
}

describe("DSSE's pre-authentication encoding", () => {
  it("is that of the specification's example", () => {
    expect(preAuthenticationEncoding(PAYLOAD_TYPE, PAYLOAD).toString("utf8")).toBe(
      "DSSEv1 29 http://example.com/HelloWorld 11 hello world",
    );
  });

  it("is what the specification's example signature covers", () => {
    const key = createPublicKey({
      format: "jwk",
      key: {
        kty: "EC",
        crv: "P-256",
        x: coordinate("46950820868899156662930047687818585632848591499744589407958293238635476079160"),
        y: coordinate("5640078356564379163099075877009565129882514886557779369047442380624545832820"),
      },
    });
    const signature = Buffer.from(
      "A3JqsQGtVsJ2O2xqrI5IcnXip5GToJ3F+FnZ+O88SjtR6rDAajabZKciJTfUiHqJPcIAriEGAHTVeCUjW2JIZA==",
      "base64",
    );
    const message = preAuthenticationEncoding(PAYLOAD_TYPE, PAYLOAD);
    expect(verify("sha256", message, { key, dsaEncoding: "ieee-p1363" }, signature)).toBe(true);
  });

  it("counts bytes, not characters", () => {
    expect(preAuthenticationEncoding("é", Buffer.from("ü")).toString("utf8")).toBe("DSSEv1 2 é 2 ü");
  });

  it("keeps a border that moves between type and payload apart", () => {
    const one = preAuthenticationEncoding("ab", Buffer.from("c"));
    const other = preAuthenticationEncoding("a", Buffer.from("bc"));
    expect(one.equals(other)).toBe(false);
  });
});
