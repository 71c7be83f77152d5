import { defineConfig } from "vitest/config";

/** Container images, built and run where buildah and podman can be had: `make test-images`. */
export default defineConfig({
  resolve: { conditions: ["development"] },
  ssr: { resolve: { conditions: ["development"] } },
  test: {
    include: ["test/images/**/*.images.ts"],
    globalSetup: ["test/support/postgres-cluster.ts"],
    testTimeout: 300_000,
    hookTimeout: 600_000,
    fileParallelism: false,
  },
});
