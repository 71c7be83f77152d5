import { availableParallelism } from "node:os";
import { describe, expect, it } from "vitest";
import { availableCores } from "./available-cores.js";

const CORES = availableParallelism();

describe("availableCores", () => {
  const of = (files: Readonly<Record<string, string>>): number => availableCores((path) => files[path]);

  it("are those of the machine where there is no quota", () => {
    expect(of({})).toBe(CORES);
    expect(of({ "/sys/fs/cgroup/cpu.max": "max 100000\n" })).toBe(CORES);
    const v1 = { "/sys/fs/cgroup/cpu/cpu.cfs_quota_us": "-1\n" };
    expect(of({ ...v1, "/sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000\n" })).toBe(CORES);
  });

  it("are those of the container's quota, rounded up", () => {
    expect(of({ "/sys/fs/cgroup/cpu.max": "100000 100000\n" })).toBe(1);
    expect(of({ "/sys/fs/cgroup/cpu.max": "50000 100000\n" })).toBe(1);
    expect(of({ "/sys/fs/cgroup/cpu.max": "150000 100000\n" })).toBe(Math.min(2, CORES));
    const v1 = { "/sys/fs/cgroup/cpu/cpu.cfs_quota_us": "100000\n" };
    expect(of({ ...v1, "/sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000\n" })).toBe(1);
  });

  it("are never more than those of the machine", () => {
    expect(of({ "/sys/fs/cgroup/cpu.max": "6400000 100000\n" })).toBe(Math.min(64, CORES));
  });
});
