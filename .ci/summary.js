// Prints `N passed, N failed, N skipped` from the runner's JSON reports, and fails when the run did.
import { existsSync, readFileSync } from "node:fs";

const outcome = Number(process.argv[2]);

/** By file, what its tests came to. */
function resultsOf(report) {
  if (!existsSync(report)) return new Map();
  const { testResults } = JSON.parse(readFileSync(report, "utf8"));
  return new Map(testResults.map((file) => [file.name, file]));
}

const first = resultsOf("reports/vitest.json");
const again = resultsOf("reports/vitest-again.json");
const count = { passed: 0, failed: 0, skipped: 0 };
for (const { status, assertionResults: tests } of new Map([...first, ...again]).values()) {
  // A file that does not load has no tests to count.
  if (status === "failed" && tests.length === 0) count.failed += 1;
  for (const test of tests)
    count[test.status === "passed" || test.status === "failed" ? test.status : "skipped"] += 1;
}
// The run failed, but not in a test: it still counts as a failure.
if (outcome !== 0 && count.failed === 0) count.failed = 1;
for (const file of again.keys()) {
  const failed = first.get(file)?.assertionResults.filter((test) => test.status === "failed") ?? [];
  const titles = failed.map((test) => test.fullName).join(", ") || "outside its tests";
  console.log(`UNSTEADY, a bug to be mended: ${file} failed in its first run: ${titles}`);
}
console.log(`${count.passed} passed, ${count.failed} failed, ${count.skipped} skipped`);
process.exitCode = count.failed > 0 || count.passed === 0 ? 1 : 0;
