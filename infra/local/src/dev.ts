import { Development, explain } from "./development.js";
import { readLocalSettings } from "./settings.js";
import { Terminal } from "./terminal.js";

const terminal = new Terminal();
try {
  const development = new Development(readLocalSettings(process.env), terminal);
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    process.on(signal, () => development.interrupt());
  }
  await development.run();
} catch (error) {
  terminal.complain(`\nmake dev: ${explain(error)}`);
  process.exitCode = 1;
}
// The planes' channels and pipes may outlive them for a moment.
process.exit();
