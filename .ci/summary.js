// Prints `N passed, N failed, N skipped` from the runners' JSON reports, and fails when the run did.
import { existsSync, readFileSync } from "node:fs";

const outcome = Number(process.argv[2]);
const report = "reports/vitest.json";
let passed = 0;
let failed = 0;
let skipped = 0;
if (existsSync(report)) {
  const { numPassedTests, numFailedTests, numPendingTests, numTodoTests, testResults } = JSON.parse(
    readFileSync(report, "utf8"),
  );
  passed = numPassedTests;
  failed = numFailedTests;
  skipped = numPendingTests + numTodoTests;
  // A file that does not load has no tests to count.
  failed += testResults.filter(
    (file) => file.status === "failed" && file.assertionResults.length === 0,
  ).length;
}
// The run failed, but not in a test: it still counts as a failure.
if (outcome !== 0 && failed === 0) failed = 1;
console.log(`${passed} passed, ${failed} failed, ${skipped} skipped`);
process.exitCode = failed > 0 || passed === 0 ? 1 : 0;
