import { closeSync, openSync, readSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { endianness } from "node:os";
import ipaddr from "ipaddr.js";

const LISTENING = "0A";
/**
 * About a line: the kernel writes no more than it is asked for. Those that listen stand first in its tables, and what stands
 * behind them, all connections of the machine, takes it milliseconds to look through.
 */
const CHUNK_BYTES = 150;
const chunk = Buffer.alloc(CHUNK_BYTES);

/**
 * Connections that the kernel has taken for a listening socket and nobody has accepted yet.
 * @param shared other sockets listen on the address too: theirs are counted with it
 * @returns 0, too, where the kernel does not tell (not Linux), or not soon: behind the last v6 socket that listens it looks
 *   through all connections
 */
export function backlogOf(address: AddressInfo, shared = false): number {
  if (address.family === "IPv6") return 0;
  let file: number;
  try {
    file = openSync("/proc/self/net/tcp", "r");
  } catch {
    return 0;
  }
  try {
    return waitingIn(file, inTable(address), shared);
  } catch {
    return 0;
  } finally {
    closeSync(file);
  }
}

function waitingIn(file: number, socket: string, shared: boolean): number {
  let sum = 0;
  let rest = "";
  for (;;) {
    const count = readSync(file, chunk, 0, CHUNK_BYTES, null);
    if (count === 0) return sum;
    const lines = (rest + chunk.toString("latin1", 0, count)).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) {
      // sl local_address rem_address st tx_queue:rx_queue ...; of a listening socket rx_queue is its backlog.
      const [, local, , state, queues] = line.trim().split(/\s+/);
      if (local === "local_address") continue;
      if (state !== LISTENING) return sum;
      if (local !== socket) continue;
      sum += Number.parseInt(queues?.split(":")[1] ?? "0", 16);
      if (!shared) return sum;
    }
  }
}

/** As the kernel writes it: a word in its own order of bytes, and the port. */
function inTable({ address, port }: AddressInfo): string {
  const bytes = Buffer.from(ipaddr.parse(address).toByteArray());
  if (endianness() === "LE") bytes.swap32();
  return `${bytes.toString("hex")}:${port.toString(16).padStart(4, "0")}`.toUpperCase();
}
