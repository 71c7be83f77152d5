import type { Socket } from "node:net";
import { SluiceError } from "@sluice/shared/errors";
import { background } from "@sluice/shared/lifecycle";
import type { Logger } from "@sluice/shared/observability";
import { type Clock, Deadline } from "@sluice/shared/time";
import { MockVerifiers } from "../auth/index.js";
import { ClientPort } from "../listener/index.js";
import { ClientGone, negotiate } from "../session/index.js";
import { FailureBrake } from "../tenants/index.js";
import { AddressRanges, type ClientTls } from "../transport/index.js";
import { backendKeyData, errorResponseOf, parameterStatus, READY_IDLE } from "../wire/index.js";
import type { Console } from "./console.js";
import { TooManyConsoles } from "./console-failure.js";
import { logIntoConsole } from "./console-login.js";
import { ConsoleSession } from "./console-session.js";
import type { ConsoleUser } from "./console-users.js";

export interface ConsoleServerOptions {
  readonly host: string;
  readonly port: number;
  readonly users: readonly ConsoleUser[];
  readonly tls: ClientTls | undefined;
  readonly console: Console;
  readonly loginTimeoutMs: number;
  readonly version: string;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** Logged in or on the way to it. */
const MOST_CLIENTS = 20;
const CLOSE_TIMEOUT_MS = 1000;

/** The port of the console. Nothing on it reaches a tenant's database. */
export async function startConsole(
  options: ConsoleServerOptions,
): Promise<{ readonly port: number; stop(): Promise<void> }> {
  const { host, port, clock, logger } = options;
  const sockets = new Set<Socket>();
  const logins = { users: options.users, mocks: new MockVerifiers(), brake: new FailureBrake(clock) };
  const opened = await ClientPort.open(host, port, (socket) => {
    socket.setKeepAlive(true);
    socket.resume();
    socket.on("error", () => undefined);
    socket.on("end", () => socket.end());
    if (sockets.size >= MOST_CLIENTS) {
      socket.end(errorResponseOf("FATAL", new TooManyConsoles(MOST_CLIENTS)));
      return;
    }
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
    background(logger, "console", serve(socket, options, logins));
  });
  return {
    port: opened.number,
    stop: async () => {
      await opened.close(Deadline.after(clock, CLOSE_TIMEOUT_MS));
      for (const socket of sockets) socket.destroy();
    },
  };
}

async function serve(
  plain: Socket,
  options: ConsoleServerOptions,
  logins: Parameters<typeof logIntoConsole>[1],
): Promise<void> {
  const { clock, logger, loginTimeoutMs, tls } = options;
  let socket = plain;
  const timer = clock.schedule(loginTimeoutMs, () => plain.destroy());
  try {
    const startup = await negotiate(
      plain,
      { tls, proxyProtocol: "off", trustedBalancers: AddressRanges.parse([]) },
      {
        address: () => undefined,
        handshakeBegins: () => undefined,
        handshakeDone: (secured) => {
          socket = secured.socket;
          socket.on("error", () => undefined);
        },
      },
    );
    if (startup.kind !== "startup") {
      socket.end();
      return;
    }
    const user = await logIntoConsole(startup, logins);
    timer.cancel();
    const session = new ConsoleSession(socket, options.console, user, startup.address.ip, clock);
    socket.write(
      Buffer.concat([
        parameterStatus("server_version", `${options.version}/sluice`),
        parameterStatus("client_encoding", "UTF8"),
        parameterStatus("server_encoding", "UTF8"),
        parameterStatus("standard_conforming_strings", "on"),
        parameterStatus("DateStyle", "ISO"),
        parameterStatus("is_superuser", "off"),
        // Nothing to cancel: every command ends by itself.
        backendKeyData(0, Buffer.alloc(4)),
        READY_IDLE,
      ]),
    );
    const early = startup.input.release();
    socket.on("data", (segment: Buffer) => background(logger, "console command", session.received(segment)));
    if (early.length > 0) await session.received(early);
  } catch (error) {
    timer.cancel();
    if (!(error instanceof ClientGone)) {
      const failure = SluiceError.from(error);
      logger.warn("console login refused", { peer: plain.remoteAddress, error: failure });
      socket.end(errorResponseOf("FATAL", failure));
    }
    // Whoever does not read its refusal is not waited for.
    clock.schedule(1000, () => plain.destroy());
  }
}
