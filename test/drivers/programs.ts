import { spawn } from "node:child_process";
import { cpSync, existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { findTool } from "../support/tools.js";

/** Where what the programs need is installed, once. */
const CACHE = join(import.meta.dirname, "../../.cache/drivers");
const PROGRAMS = join(import.meta.dirname, "programs");

/** A program of `programs/`, ready to run; or why it cannot run on this machine. */
export type Prepared =
  | {
      readonly command: string;
      readonly args: readonly string[];
      readonly env?: Readonly<Record<string, string>>;
    }
  | { readonly missing: string };

export interface Outcome {
  readonly code: number | null;
  readonly output: string;
}

/** Runs to the end, at most five minutes. */
export function run(
  command: string,
  args: readonly string[],
  {
    env = {},
    cwd = CACHE,
    timeoutMs = 300_000,
  }: { env?: Readonly<Record<string, string>>; cwd?: string; timeoutMs?: number } = {},
): Promise<Outcome> {
  mkdirSync(CACHE, { recursive: true });
  return new Promise((resolve) => {
    const child = spawn(command, args, {
      cwd,
      env: { ...process.env, ...env },
      stdio: ["ignore", "pipe", "pipe"],
    });
    let output = "";
    const timer = setTimeout(() => child.kill("SIGKILL"), timeoutMs);
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding("utf8").on("data", (text: string) => {
        output = (output + text).slice(-20_000);
      });
    child.on("error", (error) => {
      clearTimeout(timer);
      resolve({ code: null, output: error.message });
    });
    child.on("close", (code) => {
      clearTimeout(timer);
      resolve({ code, output });
    });
  });
}

/** Runs the steps; the first that fails says why the program is missing. */
async function steps(
  ready: Exclude<Prepared, { missing: string }>,
  ...commands: readonly (readonly [string, readonly string[], { cwd?: string }?])[]
): Promise<Prepared> {
  for (const [command, args, options] of commands) {
    const { code, output } = await run(command, args, options);
    if (code !== 0)
      return { missing: `${command} ${args.join(" ")}: ${output.trim().split("\n").at(-1) ?? ""}` };
  }
  return ready;
}

async function python(program: string, packages: string): Promise<Prepared> {
  const folder = join(CACHE, program);
  const ready = { command: join(folder, "bin/python"), args: [join(PROGRAMS, program)] };
  if (existsSync(join(folder, "installed"))) return ready;
  return await steps(
    ready,
    ["python3", ["-m", "venv", folder]],
    [join(folder, "bin/pip"), ["install", "--quiet", "--disable-pip-version-check", packages]],
    ["touch", [join(folder, "installed")]],
  );
}

/** A copy, so that what a build leaves behind is not left in the sources. */
function copied(name: string): string {
  const folder = join(CACHE, name);
  cpSync(join(PROGRAMS, name), folder, { recursive: true });
  return folder;
}

async function pgx(): Promise<Prepared> {
  const cwd = copied("pgx");
  return await steps(
    { command: join(cwd, "checks"), args: [] },
    [
      "sh",
      ["-c", "test -f go.mod || (go mod init checks && go get github.com/jackc/pgx/v5@v5.7.5)"],
      { cwd },
    ],
    ["go", ["build", "-o", "checks", "."], { cwd }],
  );
}

async function jdbc(): Promise<Prepared> {
  const cwd = copied("jdbc");
  return await steps(
    { command: "java", args: ["-cp", `${cwd}:${join(cwd, "lib")}/*`, "Checks"] },
    [
      "sh",
      ["-c", "test -d lib || mvn --batch-mode --quiet dependency:copy-dependencies -DoutputDirectory=lib"],
      { cwd },
    ],
    ["javac", ["-encoding", "UTF-8", "Checks.java"], { cwd }],
  );
}

async function tokioPostgres(): Promise<Prepared> {
  const cwd = copied("tokio-postgres");
  return await steps({ command: join(cwd, "target/debug/checks"), args: [] }, [
    "cargo",
    ["build", "--quiet"],
    { cwd },
  ]);
}

async function perl(): Promise<Prepared> {
  const ready = { command: "perl", args: [join(PROGRAMS, "checks.pl")] };
  const check = ["-MDBD::Pg", "-e", "1"];
  if ((await run("perl", check)).code === 0) return ready;
  // Unpacked beside, so that nothing of the machine changes.
  const cwd = join(CACHE, "perl");
  mkdirSync(cwd, { recursive: true });
  const unpack = "apt-get download -q libdbi-perl libdbd-pg-perl && for f in *.deb; do dpkg -x $f .; done";
  const { code, output } = await run("sh", ["-c", unpack], { cwd });
  if (code !== 0) return { missing: `DBD::Pg is not installed: ${output.trim().split("\n").at(-1) ?? ""}` };
  const found = (await run("sh", ["-c", "ls -d $PWD/usr/lib/*/perl5/*"], { cwd })).output.trim();
  const env = { PERL5LIB: found };
  return (await run("perl", check, { env })).code === 0
    ? { ...ready, env }
    : { missing: "DBD::Pg does not fit this perl" };
}

async function php(): Promise<Prepared> {
  const extensions = ["-r", "exit(extension_loaded('pdo_pgsql') && extension_loaded('pgsql') ? 0 : 1);"];
  const { code, output } = await run("php", extensions);
  if (code === null) return { missing: `php is not installed: ${output}` };
  if (code !== 0) return { missing: "php has no pdo_pgsql and pgsql (Debian: php-pgsql)" };
  return { command: "php", args: [join(PROGRAMS, "checks.php")] };
}

function node(driver: string): Promise<Prepared> {
  return Promise.resolve({ command: process.execPath, args: [join(PROGRAMS, "checks.mjs"), driver] });
}

async function psql(): Promise<Prepared> {
  // psql takes the connection from its own variables.
  const script = `PGHOST=$HOST PGPORT=$PORT PGUSER=$USER_NAME PGPASSWORD=$PASSWORD PGDATABASE=$DATABASE \
    PGSSLMODE=$([ "$TLS" = off ] && echo disable || echo verify-full) PGSSLROOTCERT=$TLS \
    exec "$PSQL" -X -A -t -v table="$TABLE" -f ${join(PROGRAMS, "psql.sql")}`;
  try {
    return { command: "sh", args: ["-c", script], env: { PSQL: findTool("psql"), PGCLIENTENCODING: "UTF8" } };
  } catch (error) {
    return { missing: error instanceof Error ? error.message : String(error) };
  }
}

/** Every driver by its name. Preparing may take minutes the first time. */
export const DRIVERS: Readonly<Record<string, () => Promise<Prepared>>> = {
  psql,
  pg: () => node("pg"),
  "postgres.js": () => node("postgres.js"),
  "psycopg 3": () => python("psycopg3.py", "psycopg[binary]==3.2.10"),
  psycopg2: () => python("psycopg2_checks.py", "psycopg2-binary==2.9.10"),
  asyncpg: () => python("asyncpg_checks.py", "asyncpg==0.30.0"),
  pgx,
  pgjdbc: jdbc,
  "tokio-postgres": tokioPostgres,
  "Perl DBD::Pg": perl,
  "PHP PDO and pgsql": php,
};
