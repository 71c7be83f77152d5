import { defineConfig } from "vitest/config";

const fromSource = {
  resolve: { conditions: ["development"] },
  ssr: { resolve: { conditions: ["development"] } },
};

export default defineConfig({
  test: {
    projects: [
      {
        ...fromSource,
        test: { name: "unit", include: ["{shared,control-plane,data-plane,infra/local}/src/**/*.test.ts"] },
      },
      { ...fromSource, test: { name: "architecture", include: ["test/architecture/**/*.test.ts"] } },
      {
        ...fromSource,
        test: {
          name: "integration",
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
          include: ["test/{end-to-end,drivers}/**/*.test.ts"],
          globalSetup: ["test/support/postgres-cluster.ts"],
          testTimeout: 60_000,
          hookTimeout: 120_000,
        },
      },
    ],
  },
});
