import { readdirSync, readFileSync, readlinkSync } from "node:fs";

/** One end of a TCP connection that a process holds. */
export interface Connection {
  readonly localPort: number;
  readonly remotePort: number;
  /** Both ends are open. */
  readonly established: boolean;
}

const ESTABLISHED = "01";
const LISTENING = "0A";

/** All that these processes hold, as Linux tells it. */
export function connectionsOf(pids: readonly number[]): readonly Connection[] {
  const inodes = new Set(pids.flatMap(socketsOf));
  return ["/proc/net/tcp", "/proc/net/tcp6"].flatMap((table) =>
    readFileSync(table, "utf8")
      .split("\n")
      .slice(1)
      .map((line) => line.trim().split(/\s+/))
      .filter(([, , , state, , , , , , inode]) => state !== LISTENING && inodes.has(inode ?? ""))
      .map(([, local, remote, state]) => ({
        localPort: portOf(local),
        remotePort: portOf(remote),
        established: state === ESTABLISHED,
      })),
  );
}

function portOf(end = ""): number {
  return Number.parseInt(end.split(":")[1] ?? "0", 16);
}

function socketsOf(pid: number): readonly string[] {
  try {
    return readdirSync(`/proc/${pid}/fd`).flatMap((fd) => {
      try {
        const inode = /^socket:\[(\d+)\]$/.exec(readlinkSync(`/proc/${pid}/fd/${fd}`))?.[1];
        return inode === undefined ? [] : [inode];
      } catch {
        return [];
      }
    });
  } catch {
    return [];
  }
}
