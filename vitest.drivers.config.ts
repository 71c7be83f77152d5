import { defineConfig } from "vitest/config";

/** `make test-drivers`: apart from `make test`, since it installs drivers of other languages. */
export default defineConfig({
  resolve: { conditions: ["development"] },
  ssr: { resolve: { conditions: ["development"] } },
  test: {
    name: "drivers",
    include: ["test/drivers/**/*.matrix.ts"],
    globalSetup: ["test/support/postgres-cluster.ts"],
    testTimeout: 90_000,
    hookTimeout: 600_000,
  },
});
