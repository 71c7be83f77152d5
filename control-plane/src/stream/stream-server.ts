import type { KeyObject } from "node:crypto";
import { createSecureServer, type Http2SecureServer, type ServerHttp2Session } from "node:http2";
import type { AddressInfo } from "node:net";
import { Code, ConnectError, type ConnectRouter, type HandlerContext } from "@connectrpc/connect";
import { connectNodeAdapter } from "@connectrpc/connect-node";
import { SluiceError } from "@sluice/shared/errors";
import type { Logger } from "@sluice/shared/observability";
import { ConfigService } from "@sluice/shared/stream";
import type { Clock } from "@sluice/shared/time";
import type { ScopePublications } from "../publishing/index.js";
import { type Caller, verifyDataPlaneToken } from "./data-plane-token.js";
import { Instances } from "./instances.js";
import { watch } from "./watch.js";

export interface StreamServerOptions {
  readonly publications: ScopePublications;
  readonly logger: Logger;
  readonly clock: Clock;
  readonly host: string;
  readonly port: number;
  readonly tls: { readonly cert: Buffer; readonly key: Buffer };
  readonly tokenPublicKey: KeyObject;
  /** Shown to data planes, for their logs. */
  readonly name: string;
}

const MOST_REQUEST_BYTES = 64 * 1024;
const MOST_EVENT_BYTES = 8 * 1024 * 1024;
const MOST_STREAMS = 2000;
const PING_INTERVAL_MS = 15_000;
/** HTTP/2's default window of 64 KiB is one round trip for each of them. */
const WINDOW_BYTES = 8 * 1024 * 1024;
const STOP_GRACE_MS = 1000;

/** The configuration stream: Connect over HTTP/2 and TLS, on a port of its own. */
export async function startStreamServer(
  options: StreamServerOptions,
): Promise<{ readonly port: number; stop(): Promise<void> }> {
  const { logger, publications, clock, name, tokenPublicKey } = options;
  const stopping = new AbortController();
  const instances = new Instances();
  let streams = 0;

  const authenticate = async (context: HandlerContext): Promise<Caller> => {
    const bearer = /^bearer (.+)$/i.exec(context.requestHeader.get("authorization") ?? "")?.[1];
    try {
      return await verifyDataPlaneToken(bearer, tokenPublicKey, clock);
    } catch (error) {
      logger.warn("data plane refused", { error });
      throw new ConnectError(SluiceError.from(error).clientMessage, Code.Unauthenticated);
    }
  };

  const routes = (router: ConnectRouter): void => {
    router.service(ConfigService, {
      async *watch(request, context) {
        const identity = await authenticate(context);
        instances.register(identity.group, request.instance, request.publicKey);
        if (streams >= MOST_STREAMS) throw new ConnectError("too many streams", Code.ResourceExhausted);
        streams += 1;
        const who = { group: identity.group, scope: identity.scope, instance: request.instance };
        logger.info("data plane connected", {
          ...who,
          build: request.build,
          held: String(request.held?.generation ?? "nothing"),
        });
        const ended = AbortSignal.any([context.signal, stopping.signal]);
        try {
          yield* watch(
            request,
            identity,
            {
              publications,
              clock,
              name,
              onAhead: (_, held) =>
                logger.error("a data plane holds a state that this control plane does not know", {
                  ...who,
                  generation: String(held.generation),
                }),
            },
            ended,
          );
        } finally {
          streams -= 1;
          logger.info("data plane disconnected", who);
        }
      },
      async report(request, context) {
        const identity = await authenticate(context);
        const who = { group: identity.group, scope: identity.scope, instance: request.instance };
        const { outcome } = request;
        if (outcome.case === "ack") {
          logger.info("generation acked", {
            ...who,
            generation: String(outcome.value.held?.generation),
            quarantined: outcome.value.quarantined,
          });
        } else if (outcome.case === "nack") {
          logger.error("generation nacked", {
            ...who,
            code: outcome.value.code,
            detail: outcome.value.detail,
          });
        }
        return {};
      },
    });
  };

  const server = createSecureServer(
    {
      ...options.tls,
      allowHTTP1: false,
      settings: { initialWindowSize: WINDOW_BYTES },
      minVersion: "TLSv1.2",
    },
    connectNodeAdapter({
      routes,
      acceptCompression: [],
      readMaxBytes: MOST_REQUEST_BYTES,
      writeMaxBytes: MOST_EVENT_BYTES,
      shutdownSignal: stopping.signal,
    }),
  );
  const sessions = new Set<ServerHttp2Session>();
  server.on("session", (session) => {
    sessions.add(session);
    session.setLocalWindowSize(WINDOW_BYTES);
    session.on("close", () => sessions.delete(session));
    session.on("error", (error) => logger.debug("stream connection failed", { error }));
    keepAlive(session, clock);
  });
  server.on("tlsClientError", (error) => logger.debug("TLS handshake on the stream port failed", { error }));
  await listen(server, options.host, options.port);
  return {
    port: (server.address() as AddressInfo).port,
    stop: async () => {
      stopping.abort(new ConnectError("the control plane stops", Code.Unavailable));
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      for (const session of sessions) session.close();
      const timer = clock.schedule(STOP_GRACE_MS, () => {
        for (const session of sessions) session.destroy();
      });
      await closed;
      timer.cancel();
    },
  };
}

/** Connect has no pings on the server's side: a peer that vanished would be kept for ever. */
function keepAlive(session: ServerHttp2Session, clock: Clock): void {
  clock.schedule(PING_INTERVAL_MS, () => {
    if (session.destroyed) return;
    const dead = clock.schedule(PING_INTERVAL_MS, () => session.destroy());
    session.ping((error) => {
      dead.cancel();
      if (error === null) keepAlive(session, clock);
    });
  });
}

function listen(server: Http2SecureServer, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, host, () => {
      server.off("error", reject);
      resolve();
    });
  });
}
