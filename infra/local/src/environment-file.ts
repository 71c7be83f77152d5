import { chmodSync, writeFileSync } from "node:fs";
import type { Variables } from "./plane-environment.js";

function quoted(value: string): string {
  return value.includes('"') ? `'${value}'` : `"${value}"`;
}

/** For `node --env-file`, which lets the real environment win. It holds secrets: only the owner may read it. */
export function writeEnvironmentFile(path: string, variables: Variables): void {
  const lines = Object.entries(variables).map(([name, value]) => `${name}=${quoted(value)}`);
  writeFileSync(path, `${lines.join("\n")}\n`, { mode: 0o600 });
  // An older file keeps its mode when it is written again.
  chmodSync(path, 0o600);
}
