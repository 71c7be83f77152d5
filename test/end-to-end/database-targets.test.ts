import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import pg from "pg";
import { afterAll, beforeAll, describe, expect, inject, it } from "vitest";
import { createDatabase } from "../support/database.js";
import { CHECKOUT, freePorts, isRunning, type PortVariable, ProgramRun } from "../support/development-run.js";
import { eventually } from "../support/eventually.js";

const READY = "Ctrl-C ends everything.";

/** A plane by itself, with nothing in its environment but what is given. */
function runPlane(
  plane: "control-plane" | "data-plane",
  environment: Readonly<Record<string, string>>,
): Promise<{ readonly code: number | null; readonly output: string }> {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [join(CHECKOUT, plane, "dist/main.js")], {
      env: { PATH: process.env.PATH ?? "", ...environment },
      timeout: 20_000,
    });
    let output = "";
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding("utf8").on("data", (text: string) => {
        output += text;
      });
    }
    child.once("close", (code) => resolve({ code, output }));
  });
}

describe("make db_start, db_migrate and db_stop", () => {
  let ports: Record<PortVariable, string>;
  let folder: string;
  let environment: Record<string, string>;

  beforeAll(async () => {
    ports = await freePorts();
    folder = mkdtempSync(join(tmpdir(), "sluice-targets-"));
    environment = { ...ports, DATA_DIR: join(folder, "data") };
  });
  afterAll(async () => {
    await target("stop");
    rmSync(folder, { recursive: true, force: true });
  });

  async function target(
    name: "start" | "migrate" | "stop",
    more: Readonly<Record<string, string>> = {},
  ): Promise<{ readonly code: number | null; readonly output: string }> {
    const run = new ProgramRun("database.js", [name], { ...environment, ...more });
    const code = await run.ended(60_000);
    return { code, output: run.output };
  }
  const pidIn = (output: string): number => Number(/\(pid (\d+)/.exec(output)?.[1]);

  it("say that nothing runs where nothing does", async () => {
    expect(await target("stop")).toMatchObject({ code: 0, output: expect.stringContaining("does not run") });
    expect(await target("migrate")).toMatchObject({
      code: 1,
      output: expect.stringContaining("make db_start"),
    });
  });

  it("start and migrate from nothing, and say so when there is nothing to do", async () => {
    const first = await target("start");
    expect(first.code).toBe(0);
    expect(isRunning(pidIn(first.output))).toBe(true);
    expect(await target("start")).toMatchObject({
      code: 0,
      output: expect.stringContaining("already running"),
    });
    const migrated = await target("migrate");
    expect(migrated.code).toBe(0);
    expect(await target("migrate")).toMatchObject({
      code: 0,
      output: expect.stringContaining("nothing to migrate"),
    });
  });

  it("are used by make dev, exit 0 beside it, and leave Postgres running after it", async () => {
    const postmaster = pidIn((await target("start")).output);
    const dev = new ProgramRun("dev.js", [], environment);
    try {
      await dev.shows(READY);
      expect(dev.pids).toMatchObject({ Postgres: postmaster });
      expect(await target("start")).toMatchObject({
        code: 0,
        output: expect.stringContaining("already running"),
      });
      expect(await target("migrate")).toMatchObject({ code: 0 });
      expect(await target("stop")).toMatchObject({
        code: 1,
        output: expect.stringContaining("in use by make dev"),
      });
    } finally {
      dev.signal("SIGINT", "group");
    }
    expect(await dev.ended()).toBe(0);
    expect(isRunning(postmaster)).toBe(true);
    expect(await target("stop")).toMatchObject({ code: 0, output: expect.stringContaining("ended") });
    expect(isRunning(postmaster)).toBe(false);
  });

  it("exit 0 beside a make dev that has a Postgres of its own", async () => {
    const dev = new ProgramRun("dev.js", [], environment);
    try {
      await dev.shows(READY);
      expect(await target("start")).toMatchObject({
        code: 0,
        output: expect.stringContaining("by make dev"),
      });
      expect(await target("migrate")).toMatchObject({ code: 0 });
    } finally {
      dev.signal("SIGINT", "group");
    }
    expect(await dev.ended()).toBe(0);
  });

  it("migrate another Postgres when DATABASE_URL names one", async () => {
    const other = await createDatabase(inject("postgres"));
    try {
      expect(await target("migrate", { DATABASE_URL: other.url })).toMatchObject({ code: 0 });
      const client = new pg.Client(other.url);
      await client.connect();
      const { rows } = await client.query("select to_regclass('sluice.tenants') is not null as there");
      await client.end();
      expect(rows).toEqual([{ there: true }]);
    } finally {
      await other.drop();
    }
  });
});

describe("planes by themselves", () => {
  it("refuse to start in production, the default, without what they need, and name every variable", async () => {
    const controlPlane = await runPlane("control-plane", {});
    expect(controlPlane.code).toBe(2);
    for (const name of [
      "DATABASE_URL",
      "API_JWT_SECRET",
      "VAULT_ENC_KEY",
      "CONFIG_KEY_PATH",
      "KEYSET_PATH",
    ]) {
      expect(controlPlane.output).toContain(name);
    }
    expect(controlPlane.output).toContain("the embedded Postgres is for SLUICE_ENV=development only");
    const dataPlane = await runPlane("data-plane", {});
    expect(dataPlane.code).toBe(2);
    for (const name of ["CONTROL_PLANE_URL", "TRUST_ROOT_KEYS", "REGION"]) {
      expect(dataPlane.output).toContain(name);
    }
  });

  it("refuse development secrets in production, and say how to make better ones", async () => {
    const { code, output } = await runPlane("control-plane", {
      API_JWT_SECRET: "dev",
      VAULT_ENC_KEY: "short",
    });
    expect(code).toBe(2);
    expect(output).toMatch(/API_JWT_SECRET: must have at least 32 bytes, it has 3; make one with: openssl/);
    expect(output).toMatch(/VAULT_ENC_KEY: must have at least 32 bytes, it has 5; make one with: openssl/);
  });

  it("give the control plane a Postgres of its own in development, and end it with it", async () => {
    const folder = mkdtempSync(join(tmpdir(), "sluice-alone-"));
    const ports = await freePorts();
    // Keys and certificates, as make dev makes them.
    const dev = new ProgramRun("dev.js", [], { ...ports, DATA_DIR: join(folder, "data") });
    await dev.shows("control plane ...");
    dev.signal("SIGINT", "group");
    await dev.ended();
    const own = { DATA_DIR: join(folder, "alone"), EMBEDDED_POSTGRES_PORT: ports.EMBEDDED_POSTGRES_PORT };
    const file = join(folder, "data/control-plane.env");
    const child = spawn(
      process.execPath,
      [`--env-file=${file}`, join(CHECKOUT, "control-plane/dist/main.js")],
      // An empty one wins over the file's, and counts as none.
      { env: { PATH: process.env.PATH ?? "", ...own, DATABASE_URL: "" }, stdio: ["ignore", "pipe", "pipe"] },
    );
    let output = "";
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding("utf8").on("data", (text: string) => {
        output += text;
      });
    }
    try {
      await eventually("it is ready", () => output.includes('"ready"') || child.exitCode !== null, {
        timeoutMs: 40_000,
      });
      expect(output).toContain('"ready"');
      const client = new pg.Client(
        `postgresql://postgres:postgres@127.0.0.1:${ports.EMBEDDED_POSTGRES_PORT}/sluice`,
      );
      client.on("error", () => undefined);
      await client.connect();
      await client.end();
    } finally {
      child.kill("SIGTERM");
    }
    await eventually("it ends", () => child.exitCode !== null, { timeoutMs: 15_000 });
    await expect(
      new pg.Client(
        `postgresql://postgres:postgres@127.0.0.1:${ports.EMBEDDED_POSTGRES_PORT}/sluice`,
      ).connect(),
    ).rejects.toThrow(/ECONNREFUSED/);
    rmSync(folder, { recursive: true, force: true });
  });
});
