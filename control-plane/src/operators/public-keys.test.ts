import { describe, expect, it } from "vitest";
import { publicKeysOf } from "./public-keys.js";

describe("a set of public keys", () => {
  it("is taken with a public key in it", () => {
    const key = { kty: "OKP", crv: "Ed25519", x: "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo", kid: "one" };
    expect(publicKeysOf(JSON.stringify({ keys: [key] }))).toBeTypeOf("function");
  });

  it.each([
    ["{}", /JSON Web Key Set/],
    ["[]", /JSON Web Key Set/],
    ["{", /JSON/],
    ['{"keys": []}', /no public key/],
    ['{"keys": [{"kty": "oct", "k": "c2VjcmV0"}]}', /no public key/],
  ])("is refused as %s, since nobody could come in", (text, why) => {
    expect(() => publicKeysOf(text)).toThrow(why);
  });
});
