import { X509Certificate } from "node:crypto";
import { describe, expect, it } from "vitest";
import { makeCertificate } from "./certificate.js";
import { checkStart, handshakeLine, ProtocolNotSpoken, StartedByHand } from "./handshake.js";

const COOKIE = "d602bf8f470bc67ca7faa0386276bbdd4330efaf76d1a219cb4d6991ca9872b2";

describe("the provider's certificate", () => {
  it("is for localhost, its own CA, and signed by its own key", () => {
    const { certificate, der } = makeCertificate();
    const read = new X509Certificate(certificate);
    expect(read.checkHost("localhost")).toBe("localhost");
    expect(read.ca).toBe(true);
    expect(read.verify(read.publicKey)).toBe(true);
    expect(read.raw.equals(der)).toBe(true);
    expect(read.keyUsage).toEqual(["1.3.6.1.5.5.7.3.1", "1.3.6.1.5.5.7.3.2"]);
  });

  it("is valid now, and for a run of many hours", () => {
    const now = new Date("2049-12-20T00:00:00Z");
    const { validFrom, validTo } = new X509Certificate(makeCertificate(now).certificate);
    expect(Date.parse(validFrom)).toBeLessThanOrEqual(now.getTime());
    expect(Date.parse(validTo)).toBe(Date.parse("2050-01-19T00:00:00Z"));
  });

  it("has another key each time", () => {
    expect(makeCertificate().key).not.toBe(makeCertificate().key);
  });
});

describe("the handshake", () => {
  it("is one line, with the certificate in base64 without padding", () => {
    const own = makeCertificate();
    const line = handshakeLine("/run/p.sock", own);
    expect(line.startsWith("1|6|unix|/run/p.sock|grpc|")).toBe(true);
    expect(line.endsWith("\n")).toBe(true);
    expect(line).not.toContain("=");
    expect(Buffer.from(line.trim().split("|")[5] ?? "", "base64").equals(own.der)).toBe(true);
    expect(handshakeLine("/s", undefined)).toBe("1|6|unix|/s|grpc\n");
  });

  it("wants Terraform's cookie, and protocol 6 among those that are offered", () => {
    expect(() => checkStart(undefined, "6")).toThrow(StartedByHand);
    expect(() => checkStart("wrong", "6")).toThrow(StartedByHand);
    expect(() => checkStart(COOKIE, "4,5")).toThrow(ProtocolNotSpoken);
    expect(() => checkStart(COOKIE, "6,5")).not.toThrow();
    expect(() => checkStart(COOKIE, undefined)).not.toThrow();
  });
});
