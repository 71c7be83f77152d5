import { execFileSync } from "node:child_process";
import { X509Certificate } from "node:crypto";
import { chmodSync, cpSync, existsSync, mkdtempSync, rmSync } from "node:fs";
import { connect as connectTcp } from "node:net";
import { networkInterfaces, tmpdir } from "node:os";
import { join } from "node:path";
import { connect as connectTls } from "node:tls";
import pg from "pg";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import {
  CHECKOUT,
  freePorts,
  isRunning,
  PORT_VARIABLES,
  type PortVariable,
  type ProgramOptions,
  ProgramRun,
  takePort,
} from "../support/development-run.js";
import { eventually } from "../support/eventually.js";

const READY = "Ctrl-C ends everything.";
/** Ctrl-C ends everything within this. */
const END_MS = 10_000;

const runs: ProgramRun[] = [];
const folders: string[] = [];

function dev(environment: Readonly<Record<string, string>>, options?: ProgramOptions): ProgramRun {
  const run = new ProgramRun("dev.js", [], environment, options);
  runs.push(run);
  return run;
}

function makeFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "sluice-dev-"));
  chmodSync(folder, 0o755);
  folders.push(folder);
  return folder;
}

async function endAll(): Promise<void> {
  for (const run of runs.splice(0)) {
    const pids = Object.values(run.pids);
    run.signal("SIGTERM");
    await run.ended();
    for (const pid of pids) if (isRunning(pid)) process.kill(pid, "SIGKILL");
  }
}

async function allGone(pids: readonly number[]): Promise<void> {
  await eventually("no process is left", () => pids.every((pid) => !isRunning(pid)), { timeoutMs: END_MS });
}

/** Pastes what the screen says. */
function paste(run: ProgramRun, command: "curl" | "psql", extra = ""): string {
  const text = new RegExp(`^${command} [\\s\\S]*?(?=\\n\\n)`, "m").exec(run.output)?.[0];
  if (text === undefined) throw new Error(`no ${command} on screen:\n${run.output}`);
  return execFileSync("bash", ["-c", `${text} ${extra}`], { encoding: "utf8", timeout: 20_000 });
}

describe("make dev", () => {
  let ports: Record<PortVariable, string>;
  let folder: string;
  let run: ProgramRun;

  beforeAll(async () => {
    ports = await freePorts();
    folder = makeFolder();
    run = dev({ ...ports, DATA_DIR: join(folder, "data") });
    await run.shows(READY);
  });
  afterAll(async () => {
    await endAll();
    for (const each of folders) rmSync(each, { recursive: true, force: true });
  });

  const url = (): string =>
    `postgresql://postgres.dev_tenant:postgres@127.0.0.1:${ports.PROXY_PORT_TRANSACTION}/postgres`;

  async function query(): Promise<unknown> {
    const client = new pg.Client({ connectionString: url() });
    client.on("error", () => undefined);
    await client.connect();
    try {
      return (await client.query("select 1 as one")).rows;
    } finally {
      await client.end();
    }
  }

  /** SHA-256 of what the port shows to a client that asks for TLS as libpq does. */
  async function certificateOf(port: string): Promise<string> {
    const socket = connectTcp(Number(port), "127.0.0.1");
    socket.write(Buffer.from([0, 0, 0, 8, 4, 210, 22, 47]));
    const answer = await new Promise<Buffer>((resolve, reject) => {
      socket.once("data", resolve);
      socket.once("error", reject);
    });
    expect(answer.toString()).toBe("S");
    const secure = connectTls({ socket, rejectUnauthorized: false });
    await new Promise((resolve, reject) => {
      secure.once("secureConnect", resolve);
      secure.once("error", reject);
    });
    const { raw } = secure.getPeerCertificate();
    secure.destroy();
    return new X509Certificate(raw).fingerprint256;
  }

  it("names each process, its pid, and the command that starts it alone", () => {
    expect(Object.keys(run.pids).sort()).toEqual(["Postgres", "control plane", "data plane"]);
    for (const pid of Object.values(run.pids)) expect(isRunning(pid)).toBe(true);
    expect(run.output).toMatch(/node --env-file=\S*control-plane\.env control-plane\/dist\/main\.js/);
    expect(run.output).toMatch(/node --env-file=\S*data-plane\.env data-plane\/dist\/main\.js/);
    expect(run.output).toMatch(/ready in \d+\.\d s/);
  });

  it("shows two commands that work as they are pasted", async () => {
    const answer = JSON.parse(paste(run, "curl", "-sS")) as { data: { external_id: string } };
    expect(answer.data.external_id).toBe("dev_tenant");
    expect(JSON.stringify(answer)).not.toContain('"db_password"');
    await eventually("the tenant is served", query);
    expect(paste(run, "psql", `-X -At -c "select 40 + 2"`)).toBe("42\n");
  });

  it("shows how to look into it: the console, figures, the API's page", async () => {
    const lines = run.output.slice(run.output.indexOf("Then look into it")).split("\n");
    const shown = (start: string): string => lines.find((line) => line.startsWith(start)) ?? "";
    const pasted = (command: string): string =>
      execFileSync("bash", ["-c", command], { encoding: "utf8", timeout: 20_000, stdio: "pipe" });
    await eventually("the pool in the console", () =>
      pasted(`${shown("psql ")} -X -At`).includes("dev_tenant"),
    );
    expect(pasted(shown("curl "))).toContain("sluice_clients");
    expect((await fetch(shown("http://"))).status).toBe(200);
  });

  it("listens on loopback only", async () => {
    const other = Object.values(networkInterfaces())
      .flat()
      .find((address) => address?.family === "IPv4" && !address.internal)?.address;
    if (other === undefined) return;
    for (const port of Object.values(ports)) {
      const outcome = await new Promise<string>((resolve) => {
        const socket = connectTcp(Number(port), other);
        socket.once("connect", () => {
          socket.destroy();
          resolve("connected");
        });
        socket.once("error", (error: NodeJS.ErrnoException) => resolve(error.code ?? ""));
      });
      expect(outcome, `port ${port}`).toBe("ECONNREFUSED");
    }
  });

  it("refuses a second run on the same data, and says who holds it", async () => {
    const second = dev({ ...(await freePorts()), DATA_DIR: join(folder, "data") });
    expect(await second.ended()).toBe(1);
    expect(second.output).toContain(`make dev runs already on ${join(folder, "data")} (pid ${run.pid})`);
  });

  it("leaves the others running when a plane ends, and says so", async () => {
    const { "data plane": dataPlane = 0 } = run.pids;
    process.kill(dataPlane, "SIGKILL");
    await run.shows(`the data plane (pid ${dataPlane}) ended`);
    expect((await fetch(`http://127.0.0.1:${ports.PORT}/api/tenants/dev_tenant`)).status).toBe(401);
    expect(run.output).toContain("It is not restarted, the others run on");
  });

  it("ends everything on Ctrl-C, and finds data and certificates again", async () => {
    const before = Object.values(run.pids);
    run.signal("SIGINT", "group");
    expect(await run.ended(END_MS)).toBe(0);
    await allGone(before);

    run = dev({ ...ports, DATA_DIR: join(folder, "data") });
    await run.shows(READY);
    expect(await eventually("the tenant is still there", query)).toEqual([{ one: 1 }]);
    const first = await certificateOf(ports.PROXY_PORT_TRANSACTION);
    expect(await certificateOf(ports.PROXY_PORT_SESSION)).toBe(first);
    const kept = new X509Certificate(execFileSync("cat", [join(folder, "data/credentials/client.crt")]))
      .fingerprint256;
    expect(first).toBe(kept);
  });

  it("ends its planes when it is killed, and clears what is left the next time", async () => {
    const { Postgres: postmaster = 0, ...planes } = run.pids;
    run.signal("SIGKILL");
    await run.ended();
    await allGone(Object.values(planes));
    expect(isRunning(postmaster)).toBe(true);

    run = dev({ ...ports, DATA_DIR: join(folder, "data") });
    await run.shows(READY);
    expect(run.output).toContain(`left behind (pid ${postmaster})`);
    expect(isRunning(postmaster)).toBe(false);
    expect(await eventually("the tenant is still there", query)).toEqual([{ one: 1 }]);

    const pids = Object.values(run.pids);
    run.signal("SIGTERM");
    expect(await run.ended(END_MS)).toBe(0);
    await allGone(pids);
  });
});

describe("make dev where something is in its way", () => {
  afterEach(endAll);
  afterAll(() => {
    for (const each of folders.splice(0)) rmSync(each, { recursive: true, force: true });
  });

  it("names each port that is taken, with the variable that moves it, and starts nothing", async () => {
    const ports = await freePorts();
    const taken = await Promise.all(PORT_VARIABLES.map((name) => takePort(Number(ports[name]))));
    try {
      const run = dev({ ...ports, DATA_DIR: join(makeFolder(), "data") });
      expect(await run.ended()).toBe(1);
      for (const name of PORT_VARIABLES) {
        expect(run.output).toMatch(new RegExp(`port ${ports[name]} \\(.*\\) is taken; move it: ${name}=`));
      }
      expect(run.pids).toEqual({});
    } finally {
      for (const each of taken) await each.close();
    }
  });

  it("names a variable that cannot be used", async () => {
    const run = dev({ PORT: "eighty", DATA_DIR: join(makeFolder(), "data") });
    expect(await run.ended()).toBe(1);
    expect(run.output).toContain("PORT");
  });

  it("runs as root from a folder that others may not enter: the data goes elsewhere, named on screen", async ({
    skip,
  }) => {
    if (process.getuid?.() !== 0) skip("only root has to change the account of Postgres");
    const closed = makeFolder();
    chmodSync(closed, 0o700);
    const run = dev({ ...(await freePorts()), DATA_DIR: join(closed, "data") });
    await run.shows(READY);
    const place = /the data lies in (\S+):/.exec(run.output)?.[1] ?? "";
    expect(existsSync(place)).toBe(true);
    run.signal("SIGINT", "group");
    expect(await run.ended(END_MS)).toBe(0);
    rmSync(place, { recursive: true, force: true });
  });

  it("runs as an ordinary user", async ({ skip }) => {
    if (process.getuid?.() !== 0) skip("the other tests run as an ordinary user already");
    const uid = Number(execFileSync("id", ["-u", "nobody"], { encoding: "utf8" }));
    const gid = Number(execFileSync("id", ["-g", "nobody"], { encoding: "utf8" }));
    // A copy that this user may read: the checkout may lie below a folder of root's.
    const checkout = makeFolder();
    for (const part of ["shared", "control-plane", "data-plane", "infra", "package.json"]) {
      cpSync(join(CHECKOUT, part), join(checkout, part), { recursive: true });
    }
    cpSync(join(CHECKOUT, "node_modules"), join(checkout, "node_modules"), {
      recursive: true,
      verbatimSymlinks: true,
      filter: (source) => !/node_modules\/(@biomejs|typescript|@typescript|vitest|terraform)/.test(source),
    });
    const data = makeFolder();
    execFileSync("chown", [`${uid}:${gid}`, data]);
    const run = dev(
      { ...(await freePorts()), DATA_DIR: join(data, "data"), HOME: data },
      { uid, gid, checkout },
    );
    await run.shows(READY);
    const pids = Object.values(run.pids);
    run.signal("SIGINT", "group");
    expect(await run.ended(END_MS)).toBe(0);
    await allGone(pids);
  });
});
