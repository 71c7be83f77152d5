import { createHash } from "node:crypto";
import { create, toBinary } from "@bufbuild/protobuf";
import { describe, expect, it } from "vitest";
import { EnvelopeSchema } from "./gen/sluice/bundle/v1/bundle_pb.js";
import { preAuthenticationEncoding } from "./pae.js";
import { keyIdOf, publicKeyFromRaw } from "./signing-keys.js";

/**
 * The cases of the DSSE project's own vectors (secure-systems-lab/dsse, testvectors): Ed25519 with the keys of
 * RFC 8032 section 7.1, TEST 1 and TEST 2. The signatures were made again with OpenSSL, apart from this code, and
 * are the same: Ed25519 is deterministic. How an envelope is encoded is not DSSE's matter, so the cases about
 * base64 have none here.
 */
const KEY_A = publicKeyFromRaw(
  Buffer.from("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a", "hex"),
);
const KEY_B = publicKeyFromRaw(
  Buffer.from("3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c", "hex"),
);
const STATEMENT = Buffer.from('{"_type":"https://in-toto.io/Statement/v1"}');
const IN_TOTO = "application/vnd.in-toto+json";

const VECTORS = [
  {
    name: "one signature",
    key: KEY_A,
    type: IN_TOTO,
    payload: STATEMENT,
    pae: `DSSEv1 28 ${IN_TOTO} 43 ${STATEMENT}`,
    signature: "2WAfaHm5jluo0w+0rk8uVkluELJYWjSmU9x7EUzx+AyteDGJ4/nqyJXfmAUVFIAoQafWm7AxBZNw5M9ixNHiCA==",
  },
  {
    name: "the second key",
    key: KEY_B,
    type: IN_TOTO,
    payload: STATEMENT,
    pae: `DSSEv1 28 ${IN_TOTO} 43 ${STATEMENT}`,
    signature: "c1+67/aT0yqEpwx8PsVY3MLHsj9D0CZ014/Fv/QlG59P+9CobUZ7xECJ/V3USG0Ob9CiE5LjReEZUzNF2l7eBw==",
  },
  {
    name: "a type whose length in bytes is not that in characters",
    key: KEY_A,
    type: "application/vnd.exämple+json",
    payload: STATEMENT,
    pae: `DSSEv1 29 application/vnd.exämple+json 43 ${STATEMENT}`,
    signature: "xmSk/ug66ysT7ayhkCIjhAq42zgZXSsEWuzUaNL7w2eGAdF/NU6/fRXPtmfN+5DNSAs5/i2lUnHjbbjPsu0tAw==",
  },
  {
    name: "an empty payload",
    key: KEY_A,
    type: IN_TOTO,
    payload: Buffer.alloc(0),
    pae: `DSSEv1 28 ${IN_TOTO} 0 `,
    signature: "gSggCAaTLTYyRH6FIDBem6meyIynsYy8RTHVzwx9tnTb7Bg/1jMWnuVgI/gffqmbsC2VX5/jHfkkDqsj7CDbDg==",
  },
  {
    name: "an empty type",
    key: KEY_A,
    type: "",
    payload: STATEMENT,
    pae: `DSSEv1 0  43 ${STATEMENT}`,
    signature: "iC3q/+3Rm0+lpAJRueDmDh15PnwCfxKmS0NAfKsbv+zgulXQC/WM9trc+j1XEqlwDIg/vf/uNfebeD6sxInrDg==",
  },
] as const;

describe("DSSE", () => {
  it.each(VECTORS)("encodes and verifies $name", ({ key, type, payload, pae, signature }) => {
    const message = preAuthenticationEncoding(type, payload);
    expect(message.toString("utf8")).toBe(pae);
    expect(key.verifies(message, Buffer.from(signature, "base64"))).toBe(true);
  });

  it("encodes the example of protocol.md", () => {
    const message = preAuthenticationEncoding("http://example.com/HelloWorld", Buffer.from("hello world"));
    expect(message.toString("ascii")).toBe("DSSEv1 29 http://example.com/HelloWorld 11 hello world");
  });

  it("encodes bytes that are no text as they are", () => {
    const message = preAuthenticationEncoding(IN_TOTO, Buffer.from("fbffbf3e3f", "hex"));
    expect(message.subarray(-5).toString("hex")).toBe("fbffbf3e3f");
    const signature =
      "P+/KHICeR7tI6S/YyejJTRtrXhcQyQ2LYPaL8h90KjC9qN8HU/svOQ6TuDOT1HIrsGW886DbWNWcCmX5twLrAw==";
    expect(KEY_A.verifies(message, Buffer.from(signature, "base64"))).toBe(true);
  });

  it("does not take a signature for a payload of another type", () => {
    const { signature } = VECTORS[0];
    const message = preAuthenticationEncoding("application/vnd.example.other+json", STATEMENT);
    expect(KEY_A.verifies(message, Buffer.from(signature, "base64"))).toBe(false);
  });

  it("names keys by their hash", () => {
    expect(keyIdOf(KEY_A.raw)).toBe(createHash("sha256").update(KEY_A.raw).digest("hex").slice(0, 16));
  });

  it("has an envelope that a decoder of another language could read", () => {
    const bytes = toBinary(
      EnvelopeSchema,
      create(EnvelopeSchema, { payloadType: "t", payload: Buffer.of(1) }),
    );
    expect(Buffer.from(bytes).toString("hex")).toBe("0a0174120101");
  });
});
