import { describe, expect, it } from "vitest";
import { type FieldPlace, makeDataKey, openField, sealField } from "./sealing.js";

const place: FieldPlace = { scope: "region:local", tenant: "dev_tenant", field: "users/a|b/db_password" };

describe("a sealed field", () => {
  const dataKey = makeDataKey();
  const sealed = sealField(dataKey, place, "secret");

  it("opens where it belongs", () => {
    expect(openField(dataKey, place, sealed).toString("utf8")).toBe("secret");
  });

  it.each([
    ["scope", { ...place, scope: "region:other" }],
    ["tenant", { ...place, tenant: "other" }],
    ["field", { ...place, field: "users/a|b/verifier" }],
  ])("does not open in another %s", (_, elsewhere) => {
    expect(() => openField(dataKey, elsewhere, sealed)).toThrow(/cannot be opened/);
  });

  it("does not open with another key, also when that one claims the id", () => {
    const other = makeDataKey();
    expect(() => openField(other, place, sealed)).toThrow(/cannot be opened/);
    expect(() => openField({ id: dataKey.id, key: other.key }, place, sealed)).toThrow(/cannot be opened/);
  });

  it("does not open when a bit of it differs, or when its tag is cut short", () => {
    for (let bit = 0; bit < sealed.ciphertext.length * 8; bit += 1) {
      const ciphertext = Uint8Array.from(sealed.ciphertext);
      ciphertext[bit >> 3] = (ciphertext[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      expect(() => openField(dataKey, place, { ...sealed, ciphertext })).toThrow(/cannot be opened/);
    }
    expect(() =>
      openField(dataKey, place, { ...sealed, ciphertext: sealed.ciphertext.subarray(0, 4) }),
    ).toThrow(/cannot be opened/);
  });

  it("is other bytes each time", () => {
    expect(sealField(dataKey, place, "secret").nonce).not.toEqual(sealed.nonce);
  });

  it("is never made for a name that would make its place ambiguous", () => {
    expect(() => sealField(dataKey, { ...place, tenant: "a|b" }, "secret")).toThrow();
  });
});
