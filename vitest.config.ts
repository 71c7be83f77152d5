import { defineConfig } from "vitest/config";
import { REPORT_ARGUMENTS } from "./test/support/stuck-files.js";

const fromSource = {
  resolve: { conditions: ["development"] },
  ssr: { resolve: { conditions: ["development"] } },
};

export default defineConfig({
  test: {
    projects: [
      {
        ...fromSource,
        test: {
          name: "unit",
          include: [
            "{shared,control-plane,data-plane,infra/local,terraform/provider}/src/**/*.test.ts",
            "test/benchmark/**/*.test.ts",
          ],
          // Property tests take seconds on a machine that is busy with something else.
          testTimeout: 30_000,
        },
      },
      { ...fromSource, test: { name: "architecture", include: ["test/architecture/**/*.test.ts"] } },
      {
        ...fromSource,
        test: {
          name: "integration",
          execArgv: REPORT_ARGUMENTS,
          include: ["test/integration/**/*.test.ts"],
          globalSetup: ["test/support/postgres-cluster.ts"],
          testTimeout: 30_000,
          hookTimeout: 60_000,
        },
      },
      {
        ...fromSource,
        test: {
          name: "end-to-end",
          execArgv: REPORT_ARGUMENTS,
          include: ["test/{end-to-end,drivers,terraform}/**/*.test.ts"],
          globalSetup: ["test/support/postgres-cluster.ts"],
          testTimeout: 60_000,
          hookTimeout: 120_000,
        },
      },
    ],
  },
});
