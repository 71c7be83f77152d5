import { defineConfig } from "vitest/config";

/** `make bench_terraform`: apart from `make test`, since it is for figures and takes half a minute. */
export default defineConfig({
  resolve: { conditions: ["development"] },
  ssr: { resolve: { conditions: ["development"] } },
  test: {
    name: "terraform",
    include: ["test/terraform/**/*.measure.ts"],
    globalSetup: ["test/support/postgres-cluster.ts"],
    testTimeout: 180_000,
    hookTimeout: 120_000,
  },
});
