import { connect } from "node:net";

const PROTOCOL_3 = 0x0003_0000;
const AUTHENTICATION = 0x52;

function startupPacket(user: string): Buffer {
  const parameters = Buffer.from(`user\0${user}\0database\0${user}\0\0`);
  const packet = Buffer.alloc(8 + parameters.length);
  packet.writeInt32BE(packet.length, 0);
  packet.writeInt32BE(PROTOCOL_3, 4);
  parameters.copy(packet, 8);
  return packet;
}

/**
 * Whether a server takes logins: it asks for a password. One that is starting up accepts the connection and answers
 * with an error (57P03), so an open port alone says nothing.
 */
export function answersLogins(port: number, user: string, timeoutMs = 1000): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: "127.0.0.1", port });
    const settle = (outcome: boolean): void => {
      socket.destroy();
      resolve(outcome);
    };
    socket.setTimeout(timeoutMs, () => settle(false));
    socket.once("connect", () => socket.write(startupPacket(user)));
    socket.once("data", (bytes) => settle(bytes[0] === AUTHENTICATION));
    socket.once("error", () => settle(false));
    socket.once("close", () => settle(false));
  });
}
