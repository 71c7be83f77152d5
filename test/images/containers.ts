import { execFile, execFileSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readdirSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { homedir, tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { CHECKOUT } from "../support/development-run.js";

const run = promisify(execFile);
const BUILD_TIMEOUT_MS = 500_000;
const RUN_TIMEOUT_MS = 60_000;
const MOST_OUTPUT = 64 * 1024 * 1024;

/** Why containers cannot be built and run here; undefined when they can. */
export function whyNoContainers(): string | undefined {
  if (process.platform !== "linux") return "containers need Linux";
  if (process.getuid?.() !== 0) return "not root";
  for (const tool of ["buildah", "podman", "runc"]) {
    try {
      execFileSync("which", [tool], { stdio: "ignore" });
    } catch {
      return `${tool} is not installed`;
    }
  }
  return undefined;
}

/** A store of images of its own, which is removed at the end. Nothing is pulled: the base images are made of this machine. */
export class Containers {
  readonly #folder = mkdtempSync(join(tmpdir(), "sluice-images-"));
  readonly #store = ["--root", join(this.#folder, "root"), "--runroot", join(this.#folder, "runroot")];
  readonly #running: string[] = [];

  /** The two base images: one with node, npm and a shell, one with nothing but libraries. */
  async makeBases(): Promise<void> {
    const node = realpathSync(process.execPath);
    const npm = join(dirname(node), "..", "lib", "node_modules", "npm");
    const tools = ["sh", "find", "rm", "mkdir", "cp", "env"];
    const build = join(this.#folder, "build-base");
    const runtime = join(this.#folder, "runtime-base");
    for (const library of new Set([node, ...tools.map(pathOf)].flatMap(librariesOf)))
      copyInto(build, library);
    for (const library of librariesOf(node)) copyInto(runtime, library);
    for (const tool of tools) copyInto(build, pathOf(tool), join("/bin", tool));
    copyInto(build, node, "/usr/local/bin/node");
    // Where this machine trusts more roots than Node brings along, so does its base image.
    const roots = process.env.NODE_EXTRA_CA_CERTS;
    const trust = roots === undefined ? "" : `export NODE_EXTRA_CA_CERTS=/etc/extra-roots.pem\n`;
    if (roots !== undefined) copyInto(build, roots, "/etc/extra-roots.pem");
    mkdirSync(join(build, "usr/local/lib/node_modules"), { recursive: true });
    cpSync(npm, join(build, "usr/local/lib/node_modules/npm"), { recursive: true });
    writeFileSync(
      join(build, "usr/local/bin/npm"),
      `#!/bin/sh\n${trust}exec /usr/local/bin/node /usr/local/lib/node_modules/npm/bin/npm-cli.js "$@"\n`,
      { mode: 0o755 },
    );
    mkdirSync(join(build, "usr/bin"), { recursive: true });
    cpSync(pathOf("env"), join(build, "usr/bin/env"));
    mkdirSync(join(build, "tmp"), { recursive: true, mode: 0o777 });
    for (const [name, folder] of [
      ["build-base", build],
      ["runtime-base", runtime],
    ] as const) {
      writeFileSync(
        join(this.#folder, `${name}.Dockerfile`),
        `FROM scratch\nCOPY . /\nENV PATH=/usr/local/bin:/usr/bin:/bin HOME=/tmp\n`,
      );
      await this.#buildah([
        "bud",
        "--quiet",
        "-f",
        join(this.#folder, `${name}.Dockerfile`),
        "-t",
        name,
        folder,
      ]);
    }
  }

  /** Builds a Dockerfile of infra/images as it stands, on the bases of this machine. */
  async build(plane: string): Promise<void> {
    const npmCache = join(homedir(), ".npm");
    mkdirSync(npmCache, { recursive: true });
    await this.#buildah([
      "bud",
      ...["--pull-never", "--format", "docker", "--network", "host"],
      ...[
        "--build-arg",
        "BUILD_IMAGE=localhost/build-base",
        "--build-arg",
        "RUNTIME_IMAGE=localhost/runtime-base",
      ],
      // npm's cache is lent to the build, and no part of the image.
      ...["--volume", `${npmCache}:/tmp/.npm:rw`],
      ...["--volume", "/etc/resolv.conf:/etc/resolv.conf:ro", "--volume", "/etc/hosts:/etc/hosts:ro"],
      ...["-f", join(CHECKOUT, "infra/images", `${plane}.Dockerfile`), "-t", `sluice-${plane}`, CHECKOUT],
    ]);
  }

  async inspect(image: string): Promise<Record<string, unknown>> {
    const { stdout } = await this.#podman(["image", "inspect", image]);
    const [found] = JSON.parse(stdout) as Record<string, unknown>[];
    if (found === undefined) throw new Error(`no image ${image}`);
    return found;
  }

  /** Files of an image, by path. */
  async files(image: string): Promise<readonly string[]> {
    const { stdout } = await this.#podman(["image", "mount", image]);
    const top = stdout.trim();
    const found = readdirSync(top, { recursive: true, withFileTypes: true });
    const paths = found
      .filter((entry) => !entry.isDirectory())
      .map((entry) => join(entry.parentPath, entry.name));
    await this.#podman(["image", "unmount", image]);
    return paths.map((path) => path.slice(top.length));
  }

  /** Runs to the end. */
  async once(image: string, options: readonly string[], args: readonly string[] = []) {
    return this.#podman(["run", "--rm", ...LOCKED_DOWN, ...options, image, ...args]).then(
      ({ stdout, stderr }) => ({ code: 0, output: stdout + stderr }),
      (error: { code: number; stdout: string; stderr: string }) => ({
        code: error.code,
        output: error.stdout + error.stderr,
      }),
    );
  }

  /** Runs on, under the machine's own network. */
  async start(name: string, image: string, options: readonly string[]): Promise<void> {
    this.#running.push(name);
    await this.#podman(["run", "--detach", "--name", name, ...LOCKED_DOWN, ...options, image]);
  }

  async logs(name: string): Promise<string> {
    const { stdout, stderr } = await this.#podman(["logs", name]);
    return stdout + stderr;
  }

  async exec(name: string, command: readonly string[]): Promise<void> {
    await this.#podman(["exec", name, ...command]);
  }

  /** SIGTERM; the exit code, and how long it took. */
  async stop(name: string, timeoutS = 20): Promise<{ readonly code: number; readonly ms: number }> {
    const startMs = performance.now();
    await this.#podman(["stop", "--time", String(timeoutS), name]);
    const ms = performance.now() - startMs;
    const { stdout } = await this.#podman(["inspect", "--format", "{{.State.ExitCode}}", name]);
    return { code: Number(stdout.trim()), ms };
  }

  async close(): Promise<void> {
    for (const name of this.#running) await this.#podman(["rm", "--force", name]).catch(() => undefined);
    await run("buildah", [...this.#store, "--storage-driver", "overlay", "rm", "--all"]).catch(
      () => undefined,
    );
    await this.#podman(["rmi", "--all", "--force"]).catch(() => undefined);
    await run("umount", [join(this.#folder, "root", "overlay")]).catch(() => undefined);
    rmSync(this.#folder, { recursive: true, force: true });
  }

  #buildah(args: readonly string[]) {
    const [verb = "", ...rest] = args;
    return run(
      "buildah",
      [...this.#store, "--storage-driver", "overlay", verb, "--isolation", "chroot", ...rest],
      { timeout: BUILD_TIMEOUT_MS, maxBuffer: MOST_OUTPUT },
    );
  }

  #podman(args: readonly string[]) {
    return run(
      "podman",
      [
        ...this.#store,
        "--storage-driver",
        "overlay",
        "--cgroup-manager",
        "cgroupfs",
        "--runtime",
        "runc",
        ...args,
      ],
      { timeout: RUN_TIMEOUT_MS, maxBuffer: MOST_OUTPUT },
    );
  }
}

/** As a container platform would run it. */
const LOCKED_DOWN = [
  ...["--pull", "never", "--network", "host", "--no-healthcheck"],
  ...["--read-only", "--read-only-tmpfs=false", "--cap-drop", "ALL", "--security-opt", "no-new-privileges"],
  ...["--ulimit", "nofile=20000:20000", "--ulimit", "nproc=4096:4096"],
];

function pathOf(tool: string): string {
  return realpathSync(execFileSync("which", [tool], { encoding: "utf8" }).trim());
}

/** What the dynamic loader wants, the loader too. */
function librariesOf(program: string): string[] {
  const listed = execFileSync("ldd", [program], { encoding: "utf8" });
  return [...listed.matchAll(/(\/\S+) \(0x/g)].map(([, path = ""]) => path);
}

function copyInto(root: string, from: string, to = from): void {
  const target = join(root, to);
  mkdirSync(dirname(target), { recursive: true });
  cpSync(realpathSync(from), target);
}
