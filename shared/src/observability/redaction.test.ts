import { describe, expect, it } from "vitest";
import { redact } from "./redaction.js";

describe("redaction, the last net under the log", () => {
  it("takes secrets by type: bytes, and functions that open them", () => {
    expect(redact({ body: Buffer.from("secret"), open: () => "secret" })).toEqual({
      body: "<6 bytes>",
      open: "<function>",
    });
  });

  it("takes them by the name of their field, at any depth", () => {
    const hidden = "<redacted>";
    expect(redact({ a: { db_password: "x", api_token: "y", verifier: "z", VAULT_ENC_KEY: "k" } })).toEqual({
      a: { db_password: hidden, api_token: hidden, verifier: hidden, VAULT_ENC_KEY: hidden },
    });
  });

  it("leaves out what has no value", () => {
    expect(Object.entries(redact({ bytes: undefined, password: undefined, none: null }) as object)).toEqual([
      ["none", null],
    ]);
  });

  it("takes them out of texts: URLs, verifiers, tokens and private keys", () => {
    const text = [
      "postgres://user:pass@host/db",
      "SCRAM-SHA-256$4096:abc$def:ghi",
      "eyJhbGciOiJIUzI1NiJ9.eyJpc3MiOiJ4In0.c2ln",
      "-----BEGIN PRIVATE KEY-----\nMII\n-----END PRIVATE KEY-----",
    ].join(" ");
    expect(redact(text)).toBe(
      "postgres://<redacted>@host/db SCRAM-SHA-256$<redacted> <token redacted> <private key redacted>",
    );
  });
});
