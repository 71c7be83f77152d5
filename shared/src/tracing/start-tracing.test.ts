import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { ConfigurationError, type Environment, readEnvironment } from "@sluice/shared/config";
import { describe, expect, it } from "vitest";
import { tracingVariables } from "./variables.js";

const DIST = fileURLToPath(new URL("../../dist/tracing/index.js", import.meta.url));

/** In a process of its own: which of OpenTelemetry's packages were loaded in the end. */
function loadedWith(environment: Readonly<Record<string, string>>): readonly string[] {
  const program = `
    import { createRequire } from "node:module";
    const { startTracing, tracingVariables } = await import(${JSON.stringify(DIST)});
    const settings = Object.fromEntries(
      Object.entries(tracingVariables(process.env)).map(([name, read]) => [name, read(process.env[name], name)]));
    const logger = { warn() {}, error() {} };
    await startTracing(settings, { service: "test", version: "0" }, logger);
    const loaded = Object.keys(createRequire(import.meta.url).cache);
    const names = loaded.map((path) => /@opentelemetry.([a-z-]+)/.exec(path)?.[1]).filter(Boolean);
    console.log(JSON.stringify([...new Set(names)].sort()));
    process.exit(0);`;
  const answer = execFileSync(process.execPath, ["--input-type=module", "--eval", program], {
    env: { PATH: process.env.PATH ?? "", ...environment },
    encoding: "utf8",
  });
  return JSON.parse(answer) as string[];
}

describe("starting traces", () => {
  const endpoint = { OTEL_EXPORTER_OTLP_ENDPOINT: "http://127.0.0.1:9" };

  it("loads OpenTelemetry's library where a collector is named", () => {
    expect(loadedWith(endpoint)).toEqual(
      expect.arrayContaining(["exporter-trace-otlp-proto", "sdk-trace-base"]),
    );
    expect(
      loadedWith({ OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: "http://127.0.0.1:9/v1/traces" }).length,
    ).toBeGreaterThan(2);
  });

  it.each([
    ["no collector is named", {}],
    ["the SDK is disabled", { ...endpoint, OTEL_SDK_DISABLED: "TRUE" }],
    ["there is no exporter", { ...endpoint, OTEL_TRACES_EXPORTER: "none" }],
  ])("loads its interface alone where %s", (_why, environment) => {
    expect(loadedWith(environment).filter((name) => name !== "api")).toEqual([]);
  });
});

describe("the variables of traces", () => {
  const problemsOf = (environment: Environment): readonly string[] => {
    try {
      readEnvironment(environment, tracingVariables(environment));
      return [];
    } catch (error) {
      if (error instanceof ConfigurationError) return error.problems;
      throw error;
    }
  };

  it("name what is wrong without telling what may be secret", () => {
    const [problem = ""] = problemsOf({ OTEL_EXPORTER_OTLP_ENDPOINT: "user:secret@collector" });
    expect(problem).toContain("OTEL_EXPORTER_OTLP_ENDPOINT: must be a URL");
    expect(problem).not.toContain("secret");
    expect(problemsOf({ OTEL_TRACES_SAMPLER: "sometimes" })[0]).toContain("OTEL_TRACES_SAMPLER: must be");
  });

  it("refuse a protocol that is not spoken, where there is something to send", () => {
    const grpc = { OTEL_EXPORTER_OTLP_PROTOCOL: "grpc" };
    const collector = { OTEL_EXPORTER_OTLP_ENDPOINT: "http://collector:4317" };
    expect(problemsOf(grpc)).toEqual([]);
    expect(problemsOf({ ...grpc, ...collector })[0]).toContain('must be "http/protobuf"');
    expect(
      problemsOf({ ...grpc, ...collector, OTEL_EXPORTER_OTLP_TRACES_PROTOCOL: "http/protobuf" }),
    ).toEqual([]);
  });
});
