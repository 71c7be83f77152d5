import { defineConfig } from "rolldown";

/**
 * One file that Terraform runs as it is: CommonJS, since nothing beside it could say that it is a module, with the line
 * that names Node on top. From source, so that it does not hang on what was compiled before.
 */
export default defineConfig({
  input: "src/main.ts",
  platform: "node",
  resolve: { conditionNames: ["development", "node", "import"] },
  output: {
    file: "dist/bundle/terraform-provider-sluice",
    format: "cjs",
    minify: true,
    banner: "#!/usr/bin/env node",
  },
});
