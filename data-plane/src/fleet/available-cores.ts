import { readFileSync } from "node:fs";
import { availableParallelism } from "node:os";

/** cgroup v2, and v1 with quota and period in a file each. */
const V2 = "/sys/fs/cgroup/cpu.max";
const V1 = ["/sys/fs/cgroup/cpu/cpu.cfs_quota_us", "/sys/fs/cgroup/cpu/cpu.cfs_period_us"];

/** Cores that this process may use: those it is bound to, and no more than its container's quota, rounded up. */
export function availableCores(read: (path: string) => string | undefined = readIfThere): number {
  const cores = availableParallelism();
  const [quota, period] = (read(V2) ?? V1.map((path) => read(path) ?? "").join(" "))
    .trim()
    .split(/\s+/)
    .map(Number);
  // "max" in v2 and -1 in v1 are no quota.
  if (quota === undefined || period === undefined || !(quota > 0) || !(period > 0)) return cores;
  return Math.max(1, Math.min(cores, Math.ceil(quota / period)));
}

function readIfThere(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return undefined;
  }
}
