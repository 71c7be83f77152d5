import { describe, expect, it } from "vitest";
import { makeNodeKey, rawNodePublicKey } from "./node-key.js";
import { makeDataKey } from "./sealing.js";
import { openDataKey, sealDataKey } from "./sealing-to-instance.js";

const place = { scope: "region:local", group: "local", instance: "11111111-aaaa" };

describe("a data key sealed to an instance", () => {
  const { key } = makeNodeKey();
  const dataKey = makeDataKey();

  it("opens with that instance's key", async () => {
    const sealed = await sealDataKey(dataKey, place, rawNodePublicKey(key));
    const opened = await openDataKey(sealed, place, key);
    expect(opened.id).toBe(dataKey.id);
    expect(Buffer.from(opened.key).equals(dataKey.key)).toBe(true);
  });

  it("does not open with another key, for another name, or under another id", async () => {
    const sealed = await sealDataKey(dataKey, place, rawNodePublicKey(key));
    await expect(openDataKey(sealed, place, makeNodeKey().key)).rejects.toThrow(/cannot be opened/);
    await expect(openDataKey(sealed, { ...place, instance: "other-instance" }, key)).rejects.toThrow();
    await expect(openDataKey({ ...sealed, keyId: "other" }, place, key)).rejects.toThrow();
  });

  it("is refused for what is no X25519 key", async () => {
    await expect(sealDataKey(dataKey, place, new Uint8Array(31))).rejects.toThrow(/cannot be used/);
  });
});
