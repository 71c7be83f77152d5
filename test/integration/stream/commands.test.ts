import { execFile } from "node:child_process";
import { createPublicKey } from "node:crypto";
import { mkdtemp, readFile, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { verifyDataPlaneToken } from "@sluice/control-plane/stream/index";
import { openKeyset, publicKeyFromPem } from "@sluice/shared/bundle";
import { systemClock } from "@sluice/shared/time";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

/** Compiled: `make test` builds first. */
const COMMANDS = join(import.meta.dirname, "../../../control-plane/dist/commands");

interface Outcome {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

describe("the commands of keys, keysets and tokens", () => {
  let folder: string;
  const at = (name: string): string => join(folder, name);

  function run(name: string, ...args: readonly string[]): Promise<Outcome> {
    return new Promise((resolve) => {
      execFile(
        process.execPath,
        [join(COMMANDS, `${name}.js`), ...args],
        { timeout: 20_000 },
        (error, out, err) => resolve({ code: error === null ? 0 : Number(error.code), out, err }),
      );
    });
  }

  const keyset = (...args: readonly string[]): Promise<Outcome> =>
    run(
      "publish-keyset",
      ...["--root-key", at("root.pem"), "--config-key", at("config.pub"), "--expires-days", "30"],
      ...["--out", at("keyset"), ...args],
    );

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "sluice-commands-"));
    for (const name of ["root", "config", "stream"]) {
      const files = ["--out-private", at(`${name}.pem`), "--out-public", at(`${name}.pub`)];
      expect(await run("create-key", ...files)).toMatchObject({ code: 0, err: "" });
    }
  });

  afterAll(() => rm(folder, { recursive: true }));

  it("make keys for their owner only, and never over one that is there", async () => {
    expect((await stat(at("root.pem"))).mode & 0o777).toBe(0o600);
    const before = await readFile(at("root.pem"), "utf8");
    const again = await run("create-key", "--out-private", at("root.pem"), "--out-public", at("root.pub"));
    expect(again.code).toBe(2);
    expect(again.err).toContain("exists already and is left as it is");
    expect(await readFile(at("root.pem"), "utf8")).toBe(before);
  });

  it("sign a keyset that opens with the root key, and let only a newer one take its place", async () => {
    expect((await keyset("--version", "2", "--min-epoch", "2")).code).toBe(0);
    const root = publicKeyFromPem(await readFile(at("root.pub"), "utf8"));
    const open = async () => openKeyset(await readFile(at("keyset")), { keys: [root], threshold: 1 });
    expect(await open()).toMatchObject({ version: 2n, minEpoch: 2n });
    expect((await keyset("--version", "2", "--min-epoch", "2")).err).toContain("--version must be higher");
    expect((await keyset("--version", "3", "--min-epoch", "1")).err).toContain("--min-epoch cannot be lower");
    expect((await keyset("--version", "3", "--min-epoch", "2")).code).toBe(0);
    expect(await open()).toMatchObject({ version: 3n });
  });

  it("mint a token that the stream takes", async () => {
    const args = ["--stream-key", at("stream.pem"), "--group", "main", "--region", "eu-1", "--days", "2"];
    const { code, out } = await run("mint-token", ...args);
    expect(code).toBe(0);
    const publicKey = createPublicKey(await readFile(at("stream.pub")));
    expect(await verifyDataPlaneToken(out.trim(), publicKey, systemClock)).toMatchObject({
      group: "main",
      region: "eu-1",
      scope: "region:eu-1",
    });
    expect((await run("mint-token", ...args, "--out", at("token"))).out).not.toContain("eyJ");
    expect((await stat(at("token"))).mode & 0o777).toBe(0o600);
  });

  const numbers = ["--version", "1", "--min-epoch", "1", "--expires-days", "1"];
  it.each([
    ["create-key", ["--out-private", "x"], "--out-public is missing"],
    ["create-key", ["--what", "x"], "--what"],
    ["publish-keyset", ["--root-key", "nowhere", "--config-key", "x", "--out", "x", ...numbers], "nowhere"],
    ["publish-keyset", ["--version", "0"], "--version must be a whole number"],
    [
      "mint-token",
      ["--stream-key", "x", "--group", "a b", "--region", "r", "--days", "1"],
      "--group must be",
    ],
  ])("refuse bad input with exit code 2 and the usage: %s %j", async (name, args, message) => {
    const { code, err } = await run(name, ...args);
    expect(code).toBe(2);
    expect(err).toContain(message);
    expect(err).toContain(`${name} --`);
  });

  it("say how they are used, and take no private key for a public one", async () => {
    for (const name of ["create-key", "publish-keyset", "mint-token"]) {
      const help = await run(name, "--help");
      expect(help).toMatchObject({ code: 0, out: expect.stringContaining(`${name} --`), err: "" });
    }
    const wrong = await run(
      "publish-keyset",
      ...["--root-key", at("root.pem"), "--config-key", at("config.pem"), ...numbers],
      ...["--out", at("keyset-of-a-private-key")],
    );
    expect(wrong).toMatchObject({ code: 2, err: expect.stringContaining("it is a private key") });
  });
});
