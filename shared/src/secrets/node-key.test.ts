import { generateKeyPairSync } from "node:crypto";
import { mkdtemp, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { loadOrMakeNodeKey, rawNodePublicKey } from "./node-key.js";

describe("the key of an instance", () => {
  let folder: string;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "sluice-node-key-"));
  });

  afterEach(async () => {
    await rm(folder, { recursive: true, force: true });
  });

  it("is made once, readable by its owner only, and read from then on", async () => {
    const path = join(folder, "keys", "node-key.pem");
    const made = await loadOrMakeNodeKey(path);
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    const read = await loadOrMakeNodeKey(path);
    expect(Buffer.from(rawNodePublicKey(read)).equals(rawNodePublicKey(made))).toBe(true);
    expect(rawNodePublicKey(made)).toHaveLength(32);
  });

  it("is the same for all who make it at the same moment", async () => {
    const path = join(folder, "node-key.pem");
    const keys = await Promise.all([1, 2, 3].map(() => loadOrMakeNodeKey(path)));
    expect(new Set(keys.map((key) => Buffer.from(rawNodePublicKey(key)).toString("hex"))).size).toBe(1);
  });

  it("is never replaced: a file that holds something else is an error, and its content is not told", async () => {
    const path = join(folder, "node-key.pem");
    await writeFile(path, "hunter2");
    await expect(loadOrMakeNodeKey(path)).rejects.toThrow(/cannot be used/);
    await expect(loadOrMakeNodeKey(path)).rejects.not.toThrow(/hunter2/);
    const { privateKey } = generateKeyPairSync("ed25519");
    await writeFile(path, privateKey.export({ format: "pem", type: "pkcs8" }));
    await expect(loadOrMakeNodeKey(path)).rejects.toThrow(/wanted is x25519/);
  });
});
