import { ConfigurationError } from "@sluice/shared/config";
import { describe, expect, it } from "vitest";
import { readConfig } from "./config.js";

const COMPLETE = {
  CONTROL_PLANE_URL: "https://control-plane:4001",
  TRUST_ROOT_KEYS: Buffer.alloc(32).toString("base64"),
  REGION: "here",
};

function problems(environment: Record<string, string>): readonly string[] {
  try {
    readConfig({ ...COMPLETE, ...environment });
    return [];
  } catch (error) {
    if (error instanceof ConfigurationError) return error.problems;
    throw error;
  }
}

describe("a data plane's configuration of its client ports", () => {
  it("is complete without any of it", () => {
    expect(problems({})).toEqual([]);
    expect(readConfig(COMPLETE)).toMatchObject({
      PROXY_PROTOCOL: "off",
      GLOBAL_DOWNSTREAM_TLS_MIN: "TLSv1.2",
    });
  });

  it("names the balancers that may send PROXY headers", () => {
    expect(problems({ PROXY_PROTOCOL: "required" })[0]).toContain("TRUSTED_LB_RANGES");
    expect(problems({ PROXY_PROTOCOL: "required", TRUSTED_LB_RANGES: "10.0.0.0/8, ::1/128" })).toEqual([]);
    expect(problems({ TRUSTED_LB_RANGES: "10.0.0.0/33" })[0]).toContain("no address range");
    expect(problems({ PROXY_PROTOCOL: "maybe" })[0]).toContain("PROXY_PROTOCOL");
  });

  it("has a key for each certificate, and certificates where clients need some", () => {
    expect(problems({ GLOBAL_DOWNSTREAM_CERT_PATH: "a,b", GLOBAL_DOWNSTREAM_KEY_PATH: "a" })[0]).toContain(
      "as many files",
    );
    expect(problems({ GLOBAL_DOWNSTREAM_CLIENT_CA_PATH: "ca" })[0]).toContain(
      "needs GLOBAL_DOWNSTREAM_CERT_PATH",
    );
  });

  it("names its cancel peers with their ports", () => {
    const files = { GLOBAL_DOWNSTREAM_CERT_PATH: "a", GLOBAL_DOWNSTREAM_KEY_PATH: "a" };
    expect(problems({ CANCEL_PEERS: "a:6543, [::1]:6543", ...files })).toEqual([]);
    expect(problems({ CANCEL_PEERS: "a:6543" })[0]).toContain("needs GLOBAL_DOWNSTREAM_CERT_PATH");
    for (const peer of ["a", "a:", ":1", "a b:1"])
      expect(problems({ CANCEL_PEERS: peer })[0]).toContain("CANCEL_PEERS");
  });
});
