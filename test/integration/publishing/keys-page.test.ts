import { execFile } from "node:child_process";
import { mkdir, mkdtemp, readFile, rm, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openKeyset, publicKeyFromPem } from "@sluice/shared/bundle";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createDatabase, type Database } from "../../support/database.js";
import { Replica } from "../control-plane/replica.js";

const CHECKOUT = join(import.meta.dirname, "../../..");

describe("docs/keys.md", () => {
  let folder: string;
  let database: Database;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "sluice-keys-"));
    await mkdir(join(folder, "keys"));
    await symlink(join(CHECKOUT, "control-plane"), join(folder, "control-plane"));
    database = await createDatabase();
    const replica = await Replica.start(database.url);
    await replica.publisher.ensureScope("region:eu-1");
    await replica.stop();
  });

  afterAll(async () => {
    await rm(folder, { recursive: true });
    await database.drop();
  });

  function run(script: string): Promise<{ code: number; out: string }> {
    return new Promise((resolve) => {
      execFile(
        "sh",
        ["-euc", script],
        { cwd: folder, timeout: 60_000, env: { PATH: process.env.PATH, DATABASE_URL: database.url } },
        (error, out, err) => resolve({ code: error === null ? 0 : Number(error.code), out: out + err }),
      );
    });
  }

  it("has commands that do what it says, one after the other", async () => {
    const page = await readFile(join(CHECKOUT, "docs/keys.md"), "utf8");
    const blocks = [...page.matchAll(/^```sh\n(.*?)^```$/gms)].map(([, block = ""]) => block);
    expect(blocks.length).toBe(8);
    const shown: string[] = [];
    for (const block of blocks) {
      const { code, out } = await run(block);
      expect(code, `${block}\n${out}`).toBe(0);
      shown.push(out);
    }
    const root = publicKeyFromPem(await readFile(join(folder, "keys/root.pub.pem"), "utf8"));
    const keyset = openKeyset(await readFile(join(folder, "keys/keyset")), { keys: [root], threshold: 1 });
    expect(keyset).toMatchObject({ version: 6n, minEpoch: 2n });
    const idOf = async (name: string) =>
      publicKeyFromPem(await readFile(join(folder, `keys/${name}.pub.pem`), "utf8")).id;
    expect(keyset.configKeys.map(({ key, scopes }) => [key.id, ...scopes])).toEqual([
      [await idOf("config-2")],
      [await idOf("eu"), "region:eu-1", "region:eu-2"],
    ]);
    expect(shown.at(-1)).toContain("snapshots of region eu-1 may drop any number of tenants");
  }, 120_000);

  it.each([
    ["--revoke-key nothing", "the keyset has no key nothing"],
    ["--raise-epoch-to 2", "must be a whole number from 3"],
    ["--add-key keys/eu.pub.pem", "lists key"],
    ["--add-key 'keys/root.pub.pem=a b'", "is no region's name"],
  ])("and change-keyset refuses %s, in words, and leaves the file alone", async (args, message) => {
    const before = await readFile(join(folder, "keys/keyset"));
    const { code, out } = await run(
      `node control-plane/dist/commands/change-keyset.js --keyset keys/keyset --root-key keys/root.pem --expires-days 9 ${args}`,
    );
    expect(code).toBe(2);
    expect(out).toContain(message);
    expect((await readFile(join(folder, "keys/keyset"))).equals(before)).toBe(true);
  });
});
