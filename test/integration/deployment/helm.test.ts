import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { parseAllDocuments } from "yaml";
import { CHART, helm, KUBERNETES, strictManifests } from "../../support/deploy-tools.js";
import { CHECKOUT } from "../../support/development-run.js";

const why = helm === undefined ? " (skipped: helm is not here; make deploy-tools builds it)" : "";

interface Manifest {
  readonly kind: string;
  readonly metadata: { readonly name: string };
  readonly spec: Record<string, unknown>;
}

function render(...args: readonly string[]): {
  readonly text: string;
  readonly manifests: readonly Manifest[];
} {
  const text = execFileSync(helm ?? "", ["template", "fleet", CHART, ...KUBERNETES, ...args], {
    encoding: "utf8",
  });
  const manifests = parseAllDocuments(text)
    .map((document) => document.toJS({ maxAliasCount: -1 }) as Manifest | null)
    .filter((manifest): manifest is Manifest => manifest !== null);
  return { text, manifests };
}

const SETS = [[], ["-f", join(CHART, "ci/full.yaml")]];

describe.skipIf(helm === undefined)(`the Helm chart${why}`, () => {
  it.each(SETS)("passes helm's lint with %s %s", (...args) => {
    execFileSync(helm ?? "", ["lint", CHART, "--strict", ...KUBERNETES, ...args], { encoding: "utf8" });
  });

  it.skipIf(strictManifests === undefined).each(SETS)(
    `has only fields that Kubernetes knows, with %s %s${strictManifests === undefined ? " (skipped: make deploy-tools)" : ""}`,
    (...args) => {
      const { status, stdout } = spawnSync(strictManifests ?? "", {
        input: render(...args).text,
        encoding: "utf8",
      });
      expect([status, stdout.split("\n").filter((line) => line.startsWith("wrong"))]).toEqual([0, []]);
      expect(stdout).toContain("ok StatefulSet");
    },
  );

  it("refuses values that make no sense, and says which", () => {
    const fails = (...args: readonly string[]): string =>
      spawnSync(helm ?? "", ["template", "fleet", CHART, ...KUBERNETES, ...args], { encoding: "utf8" })
        .stderr;
    expect(fails("--set", "dataPlanes[0].region=Not A Region")).toMatch(/region/);
    expect(
      fails(
        ...["--set", "dataPlanes[0].region=eu", "--set", "dataPlanes[0].secret=s"],
        ...["--set", "dataPlanes[0].clientTlsSecret=t", "--set", "dataPlanes[0].proxyProtocol=required"],
      ),
    ).toMatch(/trustedBalancerRanges must name the balancers/);
    expect(fails("--set", "nonsense=1")).toMatch(/nonsense/);
  });

  it("has a StatefulSet with a disk for each region, and drain times that fit", () => {
    const { manifests } = render("-f", join(CHART, "ci/full.yaml"));
    const sets = manifests.filter(({ kind }) => kind === "StatefulSet");
    expect(sets.map(({ metadata: { name } }) => name)).toEqual([
      "fleet-data-plane-eu",
      "fleet-data-plane-us",
    ]);
    for (const { spec } of sets) {
      const template = spec.template as { spec: PodSpec };
      const [container] = template.spec.containers;
      const env = new Map(container?.env.map(({ name, value }) => [name, value]));
      const drainS = Number(env.get("DRAIN_TIMEOUT_MS")) / 1000;
      const preStopS =
        Number(/(\d+)\)$/.exec(container?.lifecycle.preStop.exec.command[2] ?? "")?.[1]) / 1000;
      expect(template.spec.terminationGracePeriodSeconds).toBeGreaterThan(drainS + preStopS + 2);
      expect(spec.volumeClaimTemplates).toHaveLength(1);
      expect(container?.securityContext).toMatchObject({ readOnlyRootFilesystem: true });
      expect(container?.readinessProbe.httpGet.path).toBe("/readyz");
    }
    expect(manifests.map(({ kind }) => kind)).toContain("HorizontalPodAutoscaler");
    expect(manifests.filter(({ kind }) => kind === "PodDisruptionBudget")).toHaveLength(3);
  });

  it("lets pods pass cancel requests on, where their certificate's name is known", () => {
    const sets = render("-f", join(CHART, "ci/full.yaml")).manifests.filter(
      ({ kind }) => kind === "StatefulSet",
    );
    const peers = sets.map(({ spec }) => {
      const [container] = (spec.template as { spec: PodSpec }).spec.containers;
      return (container?.env ?? []).filter(({ name }) => name.startsWith("CANCEL_PEERS"));
    });
    expect(peers).toEqual([
      [
        { name: "CANCEL_PEERS", value: "fleet-data-plane-eu-pods:6543" },
        { name: "CANCEL_PEERS_SERVER_NAME", value: "db.example.com" },
        { name: "CANCEL_PEERS_CA_PATH", value: "/client-tls/ca.crt" },
      ],
      [],
    ]);
  });

  it("has as many workers as cores are requested, and not as the node has", () => {
    const workers = (...resources: readonly string[]): string | undefined => {
      const sets = ["region=eu", "secret=s", "clientTlsSecret=t", ...resources].flatMap((value) => [
        "--set",
        `dataPlanes[0].${value}`,
      ]);
      const set = render(...sets).manifests.find(({ kind }) => kind === "StatefulSet");
      const [container] = (set?.spec.template as { spec: PodSpec }).spec.containers;
      return container?.env.find(({ name }) => name === "DATA_PLANE_WORKERS")?.value;
    };
    expect(workers("resources.requests.cpu=2")).toBe("2");
    expect(workers("resources.requests.cpu=2500m")).toBe("3");
    expect(workers("resources.requests.cpu=100m")).toBe("1");
    expect(workers("resources.requests.cpu=1.5")).toBe("2");
    expect(workers("resources.requests.cpu=2", "workers=5")).toBe("5");
    // The process sees a limit by itself.
    expect(workers("resources.limits.cpu=4")).toBeUndefined();
  });

  it("writes numbers of a values file as they stand there", () => {
    const folder = mkdtempSync(join(tmpdir(), "sluice-helm-"));
    const values = join(folder, "values.yaml");
    const env =
      "{ MILLION: 1000000, BIG: 12345678901, PART: 1234567.5, SMALL: 0.00001, NONE: 0, FLAG: true, TEXT: 1e6x }";
    writeFileSync(
      values,
      `image: { tag: 20260401 }
controlPlane: { env: ${env} }
dataPlanes:
  - region: eu
    secret: s
    clientTlsSecret: t
    availabilityZone: 1000001
    workers: 1
    storage: { size: 2147483648 }
    autoscaling: { enabled: true, minReplicas: 1, maxReplicas: 2, targetClients: 1000000 }
    env: ${env}
`,
    );
    const { manifests, text } = render("-f", values);
    rmSync(folder, { recursive: true });
    const pods = manifests.flatMap(({ spec }) => {
      const template = spec?.template as { spec: PodSpec } | undefined;
      return template === undefined ? [] : template.spec.containers;
    });
    expect(pods).toHaveLength(2);
    for (const { image, env } of pods) {
      expect(image).toMatch(/:20260401$/);
      expect(Object.fromEntries(env.map(({ name, value }) => [name, value]))).toMatchObject({
        MILLION: "1000000",
        BIG: "12345678901",
        PART: "1234567.5",
        SMALL: "0.00001",
        NONE: "0",
        FLAG: "true",
        TEXT: "1e6x",
      });
    }
    expect(text).toContain('averageValue: "1000000"');
    expect(text).toContain('value: "1000001"');
    expect(text).toContain("storage: 2147483648");
    expect(text).not.toMatch(/\de\+/);
  });

  it("needs no secret for tokens where public keys sign them", () => {
    const keys = "https://id.example.com/jwks.json";
    const { text } = render("-f", join(CHART, "ci/full.yaml"), "--set", "controlPlane.jwtSecret=false");
    expect(text).not.toContain("api-jwt-secret");
    expect(text).toContain("metrics-jwt-secret");
    const { text: both } = render(
      "-f",
      join(CHART, "ci/full.yaml"),
      "--set",
      `controlPlane.env.API_JWKS_URL=${keys}`,
    );
    expect(both).toContain("@/secrets/api-jwt-secret");
    expect(both).toContain(keys);
  });

  it("sets only variables that the planes read, and holds no secret", () => {
    const documented = readFileSync(join(CHECKOUT, "docs/configuration.md"), "utf8");
    const { manifests } = render("-f", join(CHART, "ci/full.yaml"));
    const pods = manifests.flatMap(({ spec }) => {
      const template = spec?.template as { spec: PodSpec } | undefined;
      return template === undefined ? [] : template.spec.containers;
    });
    expect(pods).toHaveLength(3);
    for (const { env } of pods) {
      expect(env.filter(({ name }) => !documented.includes(`| \`${name}\` |`))).toEqual([]);
      const inClear = env.filter(
        ({ name, value }) => /SECRET|TOKEN|KEY|USERS/.test(name) && !/^@?\//.test(value),
      );
      expect(inClear).toEqual([]);
    }
  });
});

interface PodSpec {
  readonly terminationGracePeriodSeconds: number;
  readonly containers: readonly {
    readonly image: string;
    readonly env: readonly { readonly name: string; readonly value: string }[];
    readonly securityContext: object;
    readonly lifecycle: { readonly preStop: { readonly exec: { readonly command: readonly string[] } } };
    readonly readinessProbe: { readonly httpGet: { readonly path: string } };
  }[];
}
