import net from "node:net";
import tls from "node:tls";
import { messageOf, systemCodeOf } from "@sluice/shared/errors";
import { type Deadline, DeadlinePassed, within } from "@sluice/shared/time";
import { SSL_REQUEST } from "../wire/index.js";
import type { NameLookups } from "./host-names.js";
import { connectOptions } from "./socket-to.js";
import type { Upstream } from "./upstream.js";
import { UpstreamUnreachable } from "./upstream-unreachable.js";

export type ServerSocket = net.Socket | tls.TLSSocket;

export interface DialOptions {
  /** PEM of GLOBAL_UPSTREAM_CA_PATH: the fallback for tenants without a CA of their own. */
  readonly globalCa: string | undefined;
  /** Default: each connection asks the system by itself. */
  readonly names?: NameLookups;
}

/**
 * A connected socket to a tenant's server, encrypted as its rules say. The host's name is looked up each time, so
 * that a failover by DNS is followed.
 * @throws UpstreamUnreachable, also when the deadline passes; the socket is then destroyed.
 */
export async function dial(
  upstream: Upstream,
  options: DialOptions,
  deadline: Deadline,
): Promise<ServerSocket> {
  const socket = net.connect(connectOptions(upstream, options.names?.lookup));
  try {
    await within(deadline, "connect", once(socket, "connect"));
    if (upstream.tls === undefined) return socket;
    return await encrypt(socket, upstream.tls, options, deadline);
  } catch (error) {
    socket.destroy();
    // A late 'error' must find a listener.
    socket.on("error", () => undefined);
    if (error instanceof UpstreamUnreachable) throw error;
    throw new UpstreamUnreachable(reasonOf(error), messageOf(error), error, true);
  }
}

async function encrypt(
  socket: net.Socket,
  rules: NonNullable<Upstream["tls"]>,
  options: DialOptions,
  deadline: Deadline,
): Promise<tls.TLSSocket> {
  socket.write(SSL_REQUEST);
  const answer = await within(deadline, "SSLRequest", firstSegment(socket));
  if (answer[0] !== 0x53) throw new UpstreamUnreachable("ssl_not_available", "the server refused TLS");
  // CVE-2021-43767: bytes put in front of the handshake by somebody in between.
  if (answer.length > 1) throw new UpstreamUnreachable("protocol violation", "bytes behind the server's S");
  const verify = rules.verify === "peer";
  const ca = rules.ca ?? options.globalCa;
  const secure = tls.connect({
    socket,
    rejectUnauthorized: verify,
    ...(ca === undefined ? {} : { ca }),
    ...(net.isIP(rules.name) === 0 ? { servername: rules.name } : {}),
    // Also where nothing is refused for it: `authorized` says whether a password may be sent in clear.
    checkServerIdentity: (_, certificate) => tls.checkServerIdentity(rules.name, certificate),
  });
  try {
    await within(deadline, "TLS handshake", once(secure, "secureConnect"));
    return secure;
  } catch (error) {
    secure.destroy();
    secure.on("error", () => undefined);
    throw error instanceof DeadlinePassed
      ? error
      : new UpstreamUnreachable("tls handshake failed", messageOf(error), error);
  }
}

function once(socket: net.Socket, event: "connect" | "secureConnect"): Promise<void> {
  return new Promise((resolve, reject) => {
    const done = (): void => {
      socket.off("error", failed);
      socket.off("close", closed);
      resolve();
    };
    const failed = (error: Error): void => reject(error);
    const closed = (): void => reject(new Error("closed by the server"));
    socket.once(event, done);
    socket.once("error", failed);
    socket.once("close", closed);
  });
}

function firstSegment(socket: net.Socket): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    socket.once("data", (segment: Buffer) => {
      // Nothing is read until TLS has taken the socket over.
      socket.pause();
      resolve(segment);
    });
    socket.once("error", reject);
    socket.once("close", () => reject(new Error("closed by the server")));
  });
}

function reasonOf(error: unknown): string {
  if (error instanceof DeadlinePassed) return "timeout";
  switch (systemCodeOf(error)) {
    case "ECONNREFUSED":
      return "connection refused";
    case "ENOTFOUND":
    case "EAI_AGAIN":
      return "host not found";
    case "ETIMEDOUT":
      return "timeout";
    default:
      return "connection failed";
  }
}
