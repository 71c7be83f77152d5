import { execFile } from "node:child_process";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { request } from "node:http";
import { createServer, type Server } from "node:https";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { promisify } from "node:util";
import { type Fleet, startFleet } from "@sluice/local/fleet";
import { EXECUTABLE, installInto, providerVersion, SOURCE } from "@sluice/terraform-provider/commands/mirror";
import { afterAll, beforeAll, describe, expect, inject, it, vi } from "vitest";
import { TestCa } from "../support/certificates.js";
import { isRunning } from "../support/development-run.js";
import { eventually } from "../support/eventually.js";
import { callApi, GUIDE_TOKEN } from "../support/tenant-api.js";
import { managedTenant, providerBlock } from "./sample-configuration.js";
import { actionsOf, TerraformFolder } from "./terraform-folder.js";
import { describeTerraform } from "./terraform-run.js";

// Several run at once, each with processes of its own.
vi.setConfig({ testTimeout: 150_000 });

describeTerraform("the installed provider, started by Terraform", () => {
  const postgres = inject("postgres");
  let fleet: Fleet;

  beforeAll(async () => {
    fleet = await startFleet({ postgres });
  });
  afterAll(async () => {
    await fleet?.stop();
  });

  /** A folder of its own for each: most run side by side. */
  const inFolder =
    (test: (folder: TerraformFolder) => Promise<void>, variables: Readonly<Record<string, string>> = {}) =>
    async (): Promise<void> => {
      const folder = await TerraformFolder.make("mirror", variables);
      try {
        await test(folder);
      } finally {
        folder.remove();
      }
    };

  const exists = async (tenant: string): Promise<boolean> =>
    (await callApi(fleet, "GET", `/api/tenants/${tenant}`)).status === 200;

  it.concurrent(
    "is found in a filesystem mirror, locked, and does what it should over TLS of its own",
    inFolder(async (folder) => {
      folder.configure(providerBlock(fleet) + managedTenant(postgres, "spawned"));
      expect(await folder.ok("init", "-input=false")).toContain("successfully initialized");
      const lock = readFileSync(join(folder.folder, ".terraform.lock.hcl"), "utf8");
      expect(lock).toContain(`provider "${SOURCE}"`);
      expect(lock).toContain(`version = "${providerVersion()}"`);
      expect(lock).toMatch(/"h1:[\w+/=]+"/);
      const log = join(folder.folder, "terraform.log");
      const debug = { env: { TF_LOG_PROVIDER: "debug", TF_LOG_PATH: log } };
      expect((await folder.run(["apply", "-auto-approve"], debug)).code).toBe(0);
      const logged = readFileSync(log, "utf8");
      // Terraform writes the fields in any order.
      const made = logged
        .split("\n")
        .filter((line) => / path=\/api\/tenants\/spawned( |$)/.test(line))
        .find((line) => line.includes("method=PUT"));
      for (const part of ["[DEBUG]", "a request", "status=201", "requestId="]) {
        expect(made).toContain(part);
      }
      expect(logged).not.toContain(GUIDE_TOKEN);
      expect(await folder.planIsEmpty()).toBe(true);
      await folder.ok("destroy", "-auto-approve");
      expect(await exists("spawned")).toBe(false);
    }),
  );

  it.concurrent(
    "is refused by init once its file is not the locked one",
    inFolder(async (folder) => {
      folder.configure(providerBlock(fleet));
      await folder.ok("init", "-input=false");
      const file = installInto(folder.mirror);
      writeFileSync(file, `${readFileSync(EXECUTABLE, "utf8")}\n// altered`);
      expect(await folder.fails("init", "-input=false")).toContain("checksums");
    }),
  );

  it.concurrent(
    "takes endpoint and token from the environment, and says which is missing",
    inFolder(async (folder) => {
      const bare = await TerraformFolder.make("mirror", {
        SLUICE_ENDPOINT: fleet.controlPlane.url,
        SLUICE_TOKEN: GUIDE_TOKEN,
      });
      bare.configure(`provider "sluice" {}\n${managedTenant(postgres, "from_environment")}`);
      await bare.ok("init", "-input=false");
      await bare.apply();
      await bare.ok("destroy", "-auto-approve");
      bare.remove();
      folder.configure('provider "sluice" {}\ndata "sluice_tenants" "all" {}\n');
      await folder.ok("init", "-input=false");
      const refused = await folder.fails("plan");
      expect(refused).toContain("set SLUICE_ENDPOINT");
      expect(refused).toContain("set SLUICE_TOKEN");
    }),
  );

  it.concurrent(
    "speaks to two fleets, one for each alias",
    inFolder(async (folder) => {
      const other = await startFleet({ postgres });
      try {
        const alias = (name: string, of: Fleet): string =>
          providerBlock(of, `alias = "${name}"`) +
          managedTenant(postgres, `tenant_${name}`, `provider = sluice.${name}`);
        folder.configure(alias("one", fleet) + alias("two", other));
        await folder.ok("init", "-input=false");
        await folder.apply();
        expect(await folder.planIsEmpty()).toBe(true);
        expect((await callApi(other, "GET", "/api/tenants/tenant_two")).status).toBe(200);
        expect((await callApi(other, "GET", "/api/tenants/tenant_one")).status).toBe(404);
        expect([await exists("tenant_one"), await exists("tenant_two")]).toEqual([true, false]);
        await folder.ok("destroy", "-auto-approve");
      } finally {
        await other.stop();
      }
    }),
  );

  it.concurrent(
    "reaches an endpoint whose certificate is of a CA of one's own, and no other",
    inFolder(async (folder) => {
      const ca = await TestCa.make("Own CA");
      const { cert, key } = await ca.issue({ dns: ["localhost"] });
      const front = await httpsInFrontOf(fleet.controlPlane.ports.http, cert, key);
      const { port } = front.address() as AddressInfo;
      const block = (more: string): string =>
        `provider "sluice" {\n  endpoint = "https://localhost:${port}"\n  token = "${GUIDE_TOKEN}"\n  ${more}\n}\ndata "sluice_tenants" "all" {}\n`;
      try {
        folder.write("ca.pem", ca.cert);
        folder.configure(block('ca_certificate = file("ca.pem")'));
        await folder.ok("init", "-input=false");
        await folder.apply();
        folder.configure(block('ca_certificate_path = "ca.pem"'));
        await folder.ok("plan");
        folder.configure(block(""));
        expect(await folder.fails("plan")).toMatch(/certificate/);
      } finally {
        await new Promise((resolve) => front.close(resolve));
      }
    }),
  );

  it.concurrent(
    "leaves no process behind when Terraform is killed",
    inFolder(async (folder) => {
      folder.configure(
        `${providerBlock(fleet)}data "sluice_fleet" "many" {\n  at_least = 9\n  timeout  = "3s"\n}\n`,
      );
      await folder.ok("init", "-input=false");
      let provider = 0;
      const { code } = await folder.run(["plan"], {
        onOutput: (soFar, pid) => {
          if (provider !== 0 || !soFar.includes("Reading...")) return;
          provider = childrenOf(pid)[0] ?? -1;
          process.kill(pid, "SIGKILL");
        },
      });
      expect(code).toBeNull();
      expect(provider).toBeGreaterThan(0);
      await eventually("the provider ends by itself", () => !isRunning(provider), { timeoutMs: 20_000 });
    }),
  );

  it("tells who starts it by hand what it is", async () => {
    const outcome = await promisify(execFile)(EXECUTABLE, [], {
      env: { PATH: process.env.PATH ?? "" },
    }).catch((error: { code: number; stdout: string; stderr: string }) => error);
    expect(outcome).toMatchObject({ code: 1, stdout: "" });
    expect(outcome.stderr).toContain("is a provider for Terraform");
  });

  describe("while the data plane is away", () => {
    beforeAll(() => fleet.dataPlane.stop());
    afterAll(() => fleet.dataPlane.start());

    it.concurrent(
      "is stopped by Ctrl-C when the change under way is done, and what was made is in state",
      inFolder(async (folder) => {
        // Within the five minutes that an operation may take by default it is interrupted.
        const waiting = "wait_for_fleet = true";
        folder.configure(
          `${providerBlock(fleet)}${managedTenant(postgres, "interrupted", waiting)}
${managedTenant(postgres, "never", "depends_on = [sluice_tenant.interrupted]")}`,
        );
        await folder.ok("init", "-input=false");
        let sent = false;
        const { code, output } = await folder.run(["apply", "-auto-approve"], {
          onOutput: (soFar, pid) => {
            if (sent || !soFar.includes("sluice_tenant.interrupted: Creating...")) return;
            sent = true;
            eventually("the tenant is made", () => exists("interrupted")).then(
              () => process.kill(-pid, "SIGINT"),
              () => process.kill(-pid, "SIGKILL"),
            );
          },
        });
        expect(code).toBe(1);
        expect(output).toContain("Interrupt received");
        expect(output.replaceAll(/[│\s]+/g, " ")).toMatch(
          /Until the interruption these have not taken generation \d+/,
        );
        expect(await folder.ok("state", "list")).toBe("sluice_tenant.interrupted\n");
        expect(await exists("never")).toBe(false);
        await folder.ok("untaint", "sluice_tenant.interrupted");
        expect(actionsOf(await folder.plan())).toEqual({ "sluice_tenant.never": "create" });
        await callApi(fleet, "DELETE", "/api/tenants/interrupted");
      }),
    );

    it.concurrent(
      "may crash after the tenant was made: the next apply leaves it alone, and import takes it over",
      inFolder(async (folder) => {
        const waiting = "wait_for_fleet = true";
        folder.configure(providerBlock(fleet) + managedTenant(postgres, "crashed", waiting));
        await folder.ok("init", "-input=false");
        let sent = false;
        const { code, output } = await folder.run(["apply", "-auto-approve"], {
          onOutput: (soFar, pid) => {
            if (sent || !soFar.includes("Creating...")) return;
            sent = true;
            eventually("the tenant is made", () => exists("crashed")).then(
              () => crash(pid),
              () => process.kill(-pid, "SIGKILL"),
            );
          },
        });
        expect(code).toBe(1);
        expect(output).toMatch(/plugin/i);
        expect(await folder.ok("state", "list")).toBe("");
        expect(await exists("crashed")).toBe(true);
        folder.configure(providerBlock(fleet) + managedTenant(postgres, "crashed"));
        const refused = await folder.fails("apply", "-auto-approve");
        expect(refused).toContain("terraform import sluice_tenant.NAME crashed");
        await folder.ok("import", "sluice_tenant.crashed", "crashed");
        await folder.apply();
        expect(await folder.planIsEmpty()).toBe(true);
        await folder.ok("destroy", "-auto-approve");
      }),
    );
  });

  it(
    "says within seconds that the control plane is away, and forgets nothing",
    inFolder(async (folder) => {
      folder.configure(providerBlock(fleet) + managedTenant(postgres, "kept"));
      await folder.ok("init", "-input=false");
      await folder.apply();
      await fleet.controlPlane.stop();
      try {
        const refused = await folder.fails("plan");
        expect(refused).toContain("The control plane did not answer");
        expect(refused).toContain("ECONNREFUSED");
        expect(await folder.fails("destroy", "-auto-approve")).toContain("did not answer");
        expect(await folder.ok("state", "list")).toBe("sluice_tenant.kept\n");
      } finally {
        await fleet.controlPlane.start();
      }
      expect(await folder.planIsEmpty()).toBe(true);
      await folder.ok("destroy", "-auto-approve");
    }),
  );
});

/** The processes that terraform has started: its providers. Each of its threads has a list of its own. */
function childrenOf(pid: number): number[] {
  return readdirSync(`/proc/${pid}/task`)
    .flatMap((thread) => readFileSync(`/proc/${pid}/task/${thread}/children`, "utf8").trim().split(/\s+/))
    .filter((child) => child !== "")
    .map(Number);
}

function crash(pid: number): void {
  for (const child of childrenOf(pid)) process.kill(child, "SIGKILL");
}

function httpsInFrontOf(port: number, cert: string, key: string): Promise<Server> {
  const server = createServer({ cert, key }, (incoming, outgoing) => {
    const { method, url, headers } = incoming;
    const passed = request({ host: "127.0.0.1", port, method, path: url, headers }, (answer) => {
      outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(outgoing);
    });
    passed.on("error", () => outgoing.destroy());
    incoming.pipe(passed);
  });
  return new Promise((resolve) => server.listen(0, "127.0.0.1", () => resolve(server)));
}
