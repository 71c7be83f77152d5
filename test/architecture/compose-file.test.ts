import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { Ajv2020 } from "ajv/dist/2020.js";
import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { type ComposeService, readComposeFile, serviceOf } from "../support/compose-file.js";
import { ROOT } from "./source-files.js";

/** Compose's own loader, built by `make deploy-tools`: what `docker compose config` does, without an engine. */
const LOADER = join(ROOT, ".cache/tools/compose-spec");
const why = existsSync(LOADER) ? "" : " (skipped: make deploy-tools builds it)";

/** By the Compose Specification's schema, see test/support/compose-spec/README.md. */
function schemaCheck(): (file: unknown) => readonly string[] {
  const schema = JSON.parse(
    readFileSync(join(ROOT, "test/support/compose-spec/compose-spec.json"), "utf8"),
  ) as object;
  const validate = new Ajv2020({ strict: false, allErrors: true, validateFormats: false }).compile(schema);
  return (file) => {
    validate(file);
    return (validate.errors ?? []).map(({ instancePath, message }) => `${instancePath} ${message}`);
  };
}

describe("docker-compose.yml", () => {
  const file = readComposeFile();
  const services = Object.entries(file.services);

  it("is as the Compose Specification's schema says", () => {
    const problems = schemaCheck();
    expect(problems(file)).toEqual([]);
    const { setup } = file.services;
    expect(problems({ ...file, services: { setup: { ...setup, ulimits: "many" } } })).not.toEqual([]);
    expect(problems({ ...file, services: { setup: { ...setup, no_such_field: 1 } } })).not.toEqual([]);
  }, 30_000);

  it.skipIf(why !== "")(`is loaded by compose's own loader${why}`, () => {
    const loaded = parse(execFileSync(LOADER, ["docker-compose.yml"], { cwd: ROOT, encoding: "utf8" })) as {
      readonly services: Readonly<Record<string, object>>;
    };
    expect(Object.keys(loaded.services).sort()).toEqual(Object.keys(file.services).sort());
    const [first = "", ...rest] = readFileSync(join(ROOT, "docker-compose.yml"), "utf8").split(
      "condition: service_healthy",
    );
    const wrong = spawnSync(LOADER, ["-"], {
      cwd: ROOT,
      input: [first, ...rest].join("condition: service_happy"),
      encoding: "utf8",
    });
    expect([wrong.status === 0, wrong.stderr + wrong.stdout]).toEqual([
      false,
      expect.stringContaining("condition"),
    ]);
  });

  it("has the whole fleet: two regions, their databases, Prometheus, Grafana", () => {
    expect(Object.keys(file.services)).toEqual([
      "setup",
      "database",
      "control-plane",
      "data-plane-eu",
      "data-plane-us",
      "demo-database",
      "demo-tenant",
      "prometheus",
      "grafana",
    ]);
    const regions = ["eu", "us"].map((name) => serviceOf(file, `data-plane-${name}`).environment?.REGION);
    expect(regions).toEqual(["eu", "us"]);
  });

  it("names only volumes, networks, services and files that are there", () => {
    const wrong: string[] = [];
    for (const [name, service] of services) {
      for (const volume of service.volumes ?? []) {
        const [source = ""] = volume.split(":");
        const there = source.startsWith("./") ? existsSync(join(ROOT, source)) : source in file.volumes;
        if (!there) wrong.push(`${name}: volume ${source}`);
      }
      for (const network of service.networks ?? [])
        if (!(network in file.networks)) wrong.push(`${name}: network ${network}`);
      for (const [other, { condition }] of Object.entries(service.depends_on ?? {})) {
        if (!(other in file.services)) wrong.push(`${name}: depends on ${other}`);
        if (condition === "service_healthy" && !hasHealthCheck(file.services[other]))
          wrong.push(`${name}: ${other} has no health check`);
      }
      const dockerfile = service.build?.dockerfile;
      if (dockerfile !== undefined && !existsSync(join(ROOT, dockerfile)))
        wrong.push(`${name}: ${dockerfile}`);
    }
    expect(wrong).toEqual([]);
  });

  it("sets only variables that the planes read", () => {
    const documented = readFileSync(join(ROOT, "docs/configuration.md"), "utf8");
    for (const name of ["setup", "control-plane", "data-plane-eu", "data-plane-us", "demo-tenant"]) {
      const unknown = Object.keys(serviceOf(file, name).environment ?? {}).filter(
        (variable) => !documented.includes(`| \`${variable}\` |`),
      );
      expect([name, unknown]).toEqual([name, []]);
    }
  });

  it("holds no secret, and shows each service its own only", () => {
    const secret = /PASSWORD|SECRET|TOKEN|_KEY/;
    for (const [name, { environment, volumes }] of services) {
      const inClear = Object.entries(environment ?? {}).filter(
        ([variable, value]) => secret.test(variable) && !/^@?\/secrets\//.test(value),
      );
      expect([name, inClear]).toEqual([name, []]);
      const secrets = (volumes ?? []).filter((volume) => /-secrets:/.test(volume));
      if (name === "setup") continue;
      expect(secrets.every((volume) => volume.endsWith(":ro"))).toBe(true);
      if (name !== "demo-tenant") expect(secrets.length).toBeLessThanOrEqual(1);
    }
  });

  it("publishes ports on loopback only, and locks the planes down", () => {
    for (const [name, service] of services) {
      expect((service.ports ?? []).filter((port) => !port.startsWith("127.0.0.1:"))).toEqual([]);
      if (!name.includes("plane")) continue;
      expect([name, service.read_only, service.cap_drop]).toEqual([name, true, ["ALL"]]);
      expect([name, service.mem_limit, service.pids_limit]).toEqual([name, "1g", 200]);
      const drainMs = Number(service.environment?.DRAIN_TIMEOUT_MS ?? 0);
      expect(Number.parseInt(service.stop_grace_period ?? "", 10) * 1000).toBeGreaterThan(drainMs + 2000);
    }
  });

  it("is scraped by Prometheus at the ports that it has", () => {
    const scraped = readFileSync(join(ROOT, "infra/prometheus/prometheus.yml"), "utf8");
    const targets = [...scraped.matchAll(/([a-z-]+):(\d+)/g)].filter(
      ([, host = ""]) => host in file.services,
    );
    expect(targets.map(([target]) => target)).toEqual([
      "control-plane:4000",
      "data-plane-eu:4002",
      "data-plane-us:4002",
    ]);
  });
});

function hasHealthCheck(service: ComposeService | undefined): boolean {
  if (service?.healthcheck !== undefined) return true;
  const dockerfile = service?.build?.dockerfile;
  return dockerfile !== undefined && readFileSync(join(ROOT, dockerfile), "utf8").includes("HEALTHCHECK");
}
