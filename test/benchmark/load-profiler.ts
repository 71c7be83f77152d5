import { writeFileSync } from "node:fs";
import { Session } from "node:inspector";
import { join } from "node:path";

/*
 * Loaded into a data plane's processes in front of their program (`--import`): samples them from SIGUSR2 to exit.
 */

const folder = process.env.SLUICE_PROFILE_FOLDER;
if (folder !== undefined) {
  const session = new Session();
  session.connect();
  session.post("Profiler.enable");
  session.post("Profiler.setSamplingInterval", { interval: 500 });
  let begun = false;
  process.on("SIGUSR2", () => {
    begun = true;
    session.post("Profiler.start");
  });
  process.once("exit", () => {
    if (!begun) return;
    session.post("Profiler.stop", (_, { profile }) =>
      writeFileSync(join(folder, `${process.pid}.cpuprofile`), JSON.stringify(profile)),
    );
  });
}
