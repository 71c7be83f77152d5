import { isIP, type Socket } from "node:net";
import { TLSSocket } from "node:tls";

/** Whether a password may be sent to a server as it is: over TLS whose chain and host name hold, or within this machine. */
export function mayCarryPasswords(socket: Socket): boolean {
  if (socket instanceof TLSSocket && socket.authorized) return true;
  return socket.remoteAddress !== undefined && isLoopback(socket.remoteAddress);
}

function isLoopback(address: string): boolean {
  return (
    (isIP(address) === 4 && address.startsWith("127.")) ||
    address === "::1" ||
    address.startsWith("::ffff:127.")
  );
}
