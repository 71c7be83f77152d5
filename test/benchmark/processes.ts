import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";

/** The kernel counts processor time in these, on every Linux that Node runs on (USER_HZ). */
const TICKS_PER_SECOND = 100;

/** A process and all its descendants, itself first. */
export function familyOf(pid: number): readonly number[] {
  const children = new Map<number, number[]>();
  for (const entry of readdirSync("/proc")) {
    if (!/^\d+$/.test(entry)) continue;
    const parent = parentOf(Number(entry));
    if (parent === undefined) continue;
    const siblings = children.get(parent);
    if (siblings === undefined) children.set(parent, [Number(entry)]);
    else siblings.push(Number(entry));
  }
  const family: number[] = [pid];
  for (const member of family) family.push(...(children.get(member) ?? []));
  return family;
}

/** User and system time of these processes so far, in seconds; what has ended counts no more. */
export function cpuSecondsOf(pids: readonly number[]): number {
  let ticks = 0;
  for (const pid of pids) {
    const fields = statOf(pid);
    if (fields !== undefined) ticks += Number(fields[11]) + Number(fields[12]);
  }
  return ticks / TICKS_PER_SECOND;
}

/** What these processes hold of memory, in bytes; pages that several share (the program itself) count in parts. */
export function memoryOf(pids: readonly number[]): number {
  let bytes = 0;
  for (const pid of pids) {
    try {
      const text = readFileSync(`/proc/${pid}/smaps_rollup`, "utf8");
      bytes += Number(/^Pss:\s+(\d+) kB/m.exec(text)?.[1] ?? 0) * 1024;
    } catch {
      // It has ended.
    }
  }
  return bytes;
}

/** Binds all threads of these processes to one processor. */
export function pin(pids: readonly number[], processor: number): void {
  for (const pid of pids) {
    try {
      execFileSync("taskset", ["-a", "-c", "-p", String(processor), String(pid)], { stdio: "ignore" });
    } catch {
      // It has ended, or this machine has no taskset: `machine` says which.
    }
  }
}

function parentOf(pid: number): number | undefined {
  const fields = statOf(pid);
  return fields === undefined ? undefined : Number(fields[1]);
}

/** proc(5), from the third field on: the second is a name that may hold anything. */
function statOf(pid: number): readonly string[] | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, "utf8");
    return text.slice(text.lastIndexOf(")") + 2).split(" ");
  } catch {
    return undefined;
  }
}

/** The most that a process has ever had in memory, in bytes. */
export function peakMemoryOf(pid: number): number {
  return statusOf(pid, "VmHWM");
}

/** What it has in memory now, in bytes. */
export function residentMemoryOf(pid: number): number {
  return statusOf(pid, "VmRSS");
}

function statusOf(pid: number, field: string): number {
  const text = readFileSync(`/proc/${pid}/status`, "utf8");
  return Number(new RegExp(`^${field}:\\s+(\\d+) kB`, "m").exec(text)?.[1] ?? Number.NaN) * 1024;
}
