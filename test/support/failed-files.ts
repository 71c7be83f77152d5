import { writeFileSync } from "node:fs";
import { relative } from "node:path";
import type { SerializedError } from "vitest";
import type { Reporter, TestModule } from "vitest/node";

/** From the checkout's top folder; one file a line, empty when all passed. */
const LIST = "reports/failed-files.txt";

/** Lists the files that a run failed in, so that they can be run by themselves (`make test-again`). */
export default class FailedFiles implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], unhandled: readonly SerializedError[]): void {
    const files = new Set<string>();
    for (const module of modules) if (!module.ok()) files.add(module.relativeModuleId);
    // An error outside any test fails the run, but no file: it counts to the one it came from.
    for (const { VITEST_TEST_PATH: file } of unhandled)
      files.add(typeof file === "string" ? relative(process.cwd(), file) : "no-file");
    writeFileSync(LIST, [...files].map((file) => `${file}\n`).join(""));
  }
}
