import { execFileSync, spawnSync } from "node:child_process";
import { cpSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { type Fleet, startFleet } from "@sluice/local/fleet";
import { SOURCE } from "@sluice/terraform-provider/commands/mirror";
import { afterAll, beforeAll, describe, expect, inject, it } from "vitest";
import { parse } from "yaml";
import { CHART, helm, KUBERNETES, strictManifests } from "../support/deploy-tools.js";
import { CHECKOUT } from "../support/development-run.js";
import { callApi, GUIDE_TOKEN } from "../support/tenant-api.js";
import { standInHelm } from "./stand-in-helm.js";
import { type Plan, REQUIRED_PROVIDERS, TerraformFolder } from "./terraform-folder.js";
import { describeTerraform } from "./terraform-run.js";

const TERRAFORM = "terraform";
const foldersIn = (path: string): string[] =>
  readdirSync(join(CHECKOUT, TERRAFORM, path)).map((name) => join(path, name));
/** As the registry shows them: they leave out which provider is meant. */
const SNIPPETS = ["resources", "data-sources", "ephemeral-resources", "functions"].flatMap((kind) =>
  foldersIn(join("provider/examples", kind)),
);
const CONFIGURATIONS = [
  ...foldersIn("modules"),
  ...foldersIn("examples"),
  "provider/examples/provider",
  ...SNIPPETS,
];

interface ChartValues {
  readonly dataPlanes: readonly {
    readonly region: string;
    readonly secret: string;
    readonly clientTlsSecret: string;
    readonly autoscaling: object;
  }[];
}

describeTerraform("the modules and examples", () => {
  const postgres = inject("postgres");
  let fleet: Fleet;
  let folder: TerraformFolder;

  beforeAll(async () => {
    fleet = await startFleet({ postgres });
    folder = await TerraformFolder.make(
      "attached",
      { SLUICE_ENDPOINT: fleet.controlPlane.url, SLUICE_TOKEN: GUIDE_TOKEN },
      { "registry.terraform.io/hashicorp/helm": standInHelm },
    );
    // A copy: terraform writes beside what it reads.
    for (const part of ["modules", "examples", "provider/examples"]) {
      cpSync(join(CHECKOUT, TERRAFORM, part), join(folder.folder, part), {
        recursive: true,
        filter: (path) => !path.includes(".terraform"),
      });
    }
    for (const path of SNIPPETS) folder.write(join(path, "versions.tf"), REQUIRED_PROVIDERS);
  });
  afterAll(async () => {
    folder?.remove();
    await fleet?.stop();
  });

  it("are written as terraform fmt writes them", async () => {
    const { code, output } = await folder.run(["fmt", "-check", "-diff", "-recursive"]);
    expect(output).toBe("");
    expect(code).toBe(0);
  });

  it.concurrent.each(CONFIGURATIONS)("%s is valid", async (path) => {
    const cwd = join(folder.folder, path);
    const initialized = await folder.run(["init", "-backend=false", "-input=false"], { cwd });
    expect(initialized.code, initialized.output).toBe(0);
    const { code, output } = await folder.run(["validate"], { cwd });
    expect(code, output).toBe(0);
    expect(output).not.toContain("Warning:");
  });

  it("environment passes its own tests, against a mock and against a control plane", async () => {
    const { code, output } = await folder.run(["test"], { cwd: join(folder.folder, "modules/environment") });
    expect(code, output).toBe(0);
    expect(output).toMatch(/Success! \d+ passed, 0 failed/);
    expect(output).toContain('run "is_changed_in_place"... pass');
    const { data } = (await (await callApi(fleet, "GET", "/api/tenants")).json()) as { data: unknown[] };
    expect(data).toEqual([]);
  });

  it("kubernetes passes its own tests, against a stand-in for the helm provider", async () => {
    const { code, output } = await folder.run(["test"], { cwd: join(folder.folder, "modules/kubernetes") });
    expect(code, output).toBe(0);
    expect(output).toContain("Success! 4 passed, 0 failed");
  });

  describe("kubernetes, with the chart", () => {
    let given: readonly string[];
    beforeAll(async () => {
      const cwd = join(folder.folder, "examples/kubernetes");
      for (const args of [
        ["init", "-input=false"],
        ["plan", "-input=false", "-out=the.plan"],
      ]) {
        const { code, output } = await folder.run(args, { cwd });
        expect(code, output).toBe(0);
      }
      const shown = await folder.run(["show", "-json", "the.plan"], { cwd });
      const [release] = (JSON.parse(shown.output) as Plan).resource_changes ?? [];
      given = release?.change.after?.values as readonly string[];
    });

    it("says of each data plane all that the chart's own values say, and the same where it is silent", () => {
      // Helm replaces a list as a whole: what a group leaves out is nothing, and not the chart's default.
      const own = parse(readFileSync(join(CHART, "values.yaml"), "utf8")) as ChartValues;
      const groups = (parse(given[0] ?? "") as ChartValues).dataPlanes;
      expect(groups).toHaveLength(2);
      for (const group of groups) {
        const { region, secret, clientTlsSecret, autoscaling } = group;
        expect(group).toEqual({ ...own.dataPlanes[0], region, secret, clientTlsSecret, autoscaling });
        expect(Object.keys(autoscaling).sort()).toEqual(
          Object.keys(own.dataPlanes[0]?.autoscaling ?? {}).sort(),
        );
      }
    });

    it.skipIf(helm === undefined)(
      `is rendered into what Kubernetes knows${helm === undefined ? " (skipped: make deploy-tools)" : ""}`,
      () => {
        const files = given.map((values, index) => folder.write(`values-${index}.yaml`, values));
        const flags = files.flatMap((file) => ["-f", file]);
        const text = execFileSync(helm ?? "", [
          "template",
          "fleet",
          CHART,
          ...KUBERNETES,
          ...flags,
        ]).toString();
        expect(text).toContain("name: fleet-data-plane-eu-central");
        expect(text).toContain("averageUtilization: 65");
        if (strictManifests === undefined) return;
        const checked = spawnSync(strictManifests, { input: text, encoding: "utf8" });
        expect([
          checked.status,
          checked.stdout.split("\n").filter((line) => line.startsWith("wrong")),
        ]).toEqual([0, []]);
      },
    );
  });

  it("name the provider as it is installed", () => {
    expect(SOURCE).toBe("terraform.local/sluice/sluice");
  });
});
