import type { KeyObject } from "node:crypto";
import { createSecureServer, type Http2SecureServer, type ServerHttp2Session } from "node:http2";
import type { AddressInfo } from "node:net";
import { BUNDLE_BOUNDS } from "@sluice/shared/bundle";
import type { Logger } from "@sluice/shared/observability";
import { ConfigService } from "@sluice/shared/stream";
import type { Clock } from "@sluice/shared/time";
import type { InstanceRegistry, InstanceStatus } from "../fleet/index.js";
import { BlockedTokens } from "../operators/index.js";
import type { ScopePublications } from "../publishing/index.js";
import { authentication } from "./call-context.js";
import { certificateWatch, type TlsPair } from "./certificate-watch.js";
import { ConfigStreams, type StreamEvents } from "./config-service.js";
import { connectAdapter } from "./connect-adapter.js";
import { Instances, type Ledger } from "./instances.js";
import { STREAM_LIMITS, type StreamLimits } from "./limits.js";
import { RegistryInMemory } from "./registry-in-memory.js";
import { keepAlive } from "./session-keep-alive.js";
import { Strangers } from "./strangers.js";

export interface StreamServerOptions {
  readonly publications: ScopePublications;
  readonly logger: Logger;
  readonly clock: Clock;
  readonly host: string;
  /** 0 lets the system choose. */
  readonly port: number;
  readonly tls: TlsPair;
  /** What is there now; default: it is never renewed. */
  readonly renewedTls?: () => TlsPair;
  /** Ed25519; what data-plane tokens are checked with. */
  readonly tokenPublicKey: KeyObject;
  /** Tokens, or their `jti`, that are refused. */
  readonly blockedTokens?: readonly string[];
  /** PEM; certificates of data planes that it has signed are a way in, too. */
  readonly clientCa?: Buffer | undefined;
  /** Shown to data planes, for their logs. */
  readonly name: string;
  /** Default: in memory. */
  readonly registry?: InstanceRegistry;
  /** Default: nothing is written down. */
  readonly ledger?: Ledger;
  readonly events?: StreamEvents;
  readonly limits?: Partial<StreamLimits>;
}

export interface StreamServer {
  readonly port: number;
  /** The data planes that are connected to this process. */
  instances(): InstanceStatus[];
  /** Sends all data planes on, waits up to 2 s for them to go, and ends what is left. */
  stop(): Promise<void>;
}

/** A status with the counters of many tenants. */
const MOST_REQUEST_BYTES = 8 * 1024 * 1024;
const MOST_MESSAGE_BYTES = BUNDLE_BOUNDS.largestChunkBytes + 1024;
/** HTTP/2's default window of 64 KiB costs a round trip each time it is full. A stranger has no other. */
const WINDOW_BYTES = 8 * 1024 * 1024;
const HANDSHAKE_TIMEOUT_MS = 10_000;
const STREAMS_PER_CONNECTION = 16;
const DRAIN_MS = 2000;
const DRAIN_STEP_MS = 20;

const NO_LEDGER: Ledger = { status: () => undefined, ack: () => undefined, result: () => undefined };
const NO_EVENTS: StreamEvents = {
  nacked: () => undefined,
  reported: () => Promise.resolve(),
  disconnected: () => undefined,
};

/** The configuration stream: Connect over HTTP/2 and TLS, on a port of its own. */
export async function startStreamServer(options: StreamServerOptions): Promise<StreamServer> {
  const { logger, publications, clock, name, tokenPublicKey, clientCa, host, port } = options;
  const blockedTokens = new BlockedTokens(options.blockedTokens);
  const limits = { ...STREAM_LIMITS, ...options.limits };
  const instances = new Instances(options.ledger ?? NO_LEDGER);
  const registry = options.registry ?? new RegistryInMemory(limits.instancesPerGroup);
  const events = options.events ?? NO_EVENTS;
  const streams = new ConfigStreams({
    publications,
    instances,
    registry,
    events,
    limits,
    clock,
    logger,
    name,
  });
  const strangers = new Strangers(limits, clock, logger);
  const widen = widening();
  const context = { ...(clientCa === undefined ? {} : { ca: clientCa }), minVersion: "TLSv1.2" } as const;
  const server = createSecureServer(
    {
      ...options.tls,
      ...context,
      ...(clientCa === undefined ? {} : { requestCert: true, rejectUnauthorized: false }),
      allowHTTP1: false,
      handshakeTimeout: HANDSHAKE_TIMEOUT_MS,
      settings: { maxConcurrentStreams: STREAMS_PER_CONNECTION },
    },
    connectAdapter((router) => router.service(ConfigService, streams), {
      router: {
        grpc: false,
        grpcWeb: false,
        acceptCompression: [],
        readMaxBytes: MOST_REQUEST_BYTES,
        writeMaxBytes: MOST_MESSAGE_BYTES,
      },
      authenticate: authentication({ tokenPublicKey, blockedTokens, clock, logger }),
      onKnown: (session) => {
        strangers.known(session.socket);
        widen(session);
      },
      requestMs: limits.requestMs,
      clock,
      logger,
    }),
  );
  server.on("connection", (socket) => strangers.came(socket));
  const sessions = new Set<ServerHttp2Session>();
  server.on("session", (session) => {
    sessions.add(session);
    session.on("close", () => sessions.delete(session));
    session.on("error", (error) => logger.debug("a connection of the stream port failed", { error }));
    keepAlive(session, clock, limits.pingIntervalMs);
  });
  server.on("tlsClientError", (error) => logger.debug("TLS handshake on the stream port failed", { error }));
  await listen(server, host, port);
  const certificate = certificateWatch(options.tls, {
    read: options.renewedTls ?? (() => options.tls),
    onChange: (next) => server.setSecureContext({ ...next, ...context }),
    intervalMs: limits.certificateIntervalMs,
    clock,
    logger,
  });
  certificate.start();
  return {
    port: (server.address() as AddressInfo).port,
    instances: () => instances.list(),
    stop: async () => {
      certificate.stop();
      streams.drain();
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      const startedMs = clock.monotonic();
      while (streams.open > 0 && clock.monotonic() - startedMs < DRAIN_MS) {
        await new Promise<void>((resolve) => clock.schedule(DRAIN_STEP_MS, resolve));
      }
      for (const session of sessions) session.destroy();
      strangers.endAll();
      await closed;
    },
  };
}

/** Once for each connection. */
function widening(): (session: ServerHttp2Session) => void {
  const wide = new WeakSet<ServerHttp2Session>();
  return (session) => {
    if (wide.has(session) || session.destroyed) return;
    wide.add(session);
    session.setLocalWindowSize(WINDOW_BYTES);
    session.settings({ initialWindowSize: WINDOW_BYTES });
  };
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
