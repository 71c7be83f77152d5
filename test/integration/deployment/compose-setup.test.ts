import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { CHECKOUT } from "../../support/development-run.js";
import { eventually } from "../../support/eventually.js";

const SETUP = join(CHECKOUT, "infra/local/dist/setup.js");

/** The setup service of docker-compose.yml, as a process. */
describe("the setup service", () => {
  let folder: string;
  let secrets: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "sluice-setup-"));
    secrets = join(folder, "secrets");
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  const environment = (regions: string): NodeJS.ProcessEnv => ({
    PATH: process.env.PATH,
    SETUP_FOLDER: secrets,
    SETUP_REGIONS: regions,
    SETUP_API_URL: "http://127.0.0.1:1",
  });
  const setup = (task: string, regions = "eu") => {
    const { status, stdout, stderr } = spawnSync(process.execPath, [SETUP, task], {
      env: environment(regions),
      encoding: "utf8",
      timeout: 60_000,
    });
    return { code: status, stdout, stderr };
  };
  /** What each file holds, by `service/name`; what is being made is not among them. */
  const files = (): ReadonlyMap<string, string> => {
    const found = existsSync(secrets) ? readdirSync(secrets, { recursive: true, withFileTypes: true }) : [];
    const whole = found.filter((entry) => entry.isFile() && !/\.new-/.test(entry.parentPath));
    return new Map(
      whole
        .map(({ parentPath, name }) => join(parentPath, name))
        .sort()
        .map((path) => [path.slice(secrets.length + 1), readFileSync(path, "utf8")]),
    );
  };

  it("gives each service what it needs, once", () => {
    expect(setup("secrets")).toMatchObject({ code: 0, stdout: expect.stringContaining(": made") });
    const made = files();
    expect([...made.keys()]).toEqual([
      "control-plane/api-jwt-secret",
      "control-plane/config.pem",
      "control-plane/database-url",
      "control-plane/keyset",
      "control-plane/metrics-jwt-secret",
      "control-plane/root-keys",
      "control-plane/stream-token.pub.pem",
      "control-plane/stream.crt",
      "control-plane/stream.key",
      "control-plane/vault-enc-key",
      "data-plane-eu/client.crt",
      "data-plane-eu/client.key",
      "data-plane-eu/root-keys",
      "data-plane-eu/stream-ca.crt",
      "data-plane-eu/token",
      "database/password",
      "demo-database/password",
      "operator/api-token",
      "operator/config.pem",
      "operator/config.pub.pem",
      "operator/keyset",
      "operator/root.pem",
      "operator/root.pub.pem",
      "operator/stream-token.pem",
      "operator/stream-token.pub.pem",
      "prometheus/metrics-token",
    ]);
    expect(setup("secrets")).toMatchObject({ code: 0, stdout: expect.stringContaining(": there already") });
    expect(files()).toEqual(made);
    expect(setup("api-token").stdout.trim()).toBe(made.get("operator/api-token"));
  });

  it("leaves a fleet as it is whose operator's folder was taken away, and says what needs it", () => {
    expect(setup("secrets").code).toBe(0);
    renameSync(join(secrets, "operator"), join(folder, "kept elsewhere"));
    const made = files();
    expect(setup("secrets")).toMatchObject({ code: 0, stdout: expect.stringContaining(": there already") });
    expect(files()).toEqual(made);

    expect(setup("api-token")).toMatchObject({
      code: 1,
      stderr: expect.stringContaining("operator/api-token is not in"),
    });
    expect(setup("demo-tenant")).toMatchObject({
      code: 0,
      stdout: expect.stringContaining("left as it is. operator/api-token is not in"),
    });
    expect(setup("secrets", "eu,us")).toMatchObject({
      code: 1,
      stderr: expect.stringContaining(
        "operator/root.pub.pem is needed to make data-plane-us/root-keys and is not there, while",
      ),
    });
    expect(files()).toEqual(made);

    renameSync(join(folder, "kept elsewhere"), join(secrets, "operator"));
    expect(setup("secrets", "eu,us")).toMatchObject({ code: 0 });
    const more = files();
    expect(more.get("data-plane-us/stream-ca.crt")).toBe(made.get("control-plane/stream.crt"));
    expect(more.get("data-plane-us/root-keys")).toBe(made.get("control-plane/root-keys"));
    expect([...made].filter(([path, content]) => more.get(path) !== content)).toEqual([]);
  });

  it("makes no second vault key for a database that may hold what the first has sealed", () => {
    expect(setup("secrets").code).toBe(0);
    rmSync(join(secrets, "control-plane/vault-enc-key"));
    expect(setup("secrets")).toMatchObject({
      code: 1,
      stderr: expect.stringContaining("control-plane/vault-enc-key is needed and is not there"),
    });
  });

  it("goes on where it was killed", async () => {
    let before = files();
    for (const count of [1, 2, 4, 7, 11, 16, 22]) {
      const run: ChildProcess = spawn(process.execPath, [SETUP], { env: environment("eu"), stdio: "ignore" });
      const ended = once(run, "exit");
      await eventually(`${count} files are there`, () => files().size >= count, { everyMs: 1 });
      run.kill("SIGKILL");
      await ended;
      const after = files();
      expect([...before].filter(([path, content]) => after.get(path) !== content)).toEqual([]);
      before = after;
    }
    expect(setup("secrets")).toMatchObject({ code: 0, stderr: "" });
    const whole = files();
    expect(whole.size).toBe(26);
    expect([...before].filter(([path, content]) => whole.get(path) !== content)).toEqual([]);
    expect(
      readdirSync(secrets, { recursive: true }).filter((name) => String(name).includes(".new-")),
    ).toEqual([]);
  }, 120_000);
});
