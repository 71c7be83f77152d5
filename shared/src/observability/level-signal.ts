import type { LeveledLogger, LogLevel } from "./logger.js";

/** SIGUSR2: `debug`, and with the next one back to what it was. `changed` hears each change. */
export function changeLevelOnSignal(logger: LeveledLogger, changed?: (level: LogLevel) => void): void {
  const usual = logger.level;
  process.on("SIGUSR2", () => {
    const level = logger.level === "debug" ? (usual === "debug" ? "info" : usual) : "debug";
    logger.level = level;
    logger.warn("the log's level was changed", { to: level, by: "SIGUSR2" });
    changed?.(level);
  });
}
