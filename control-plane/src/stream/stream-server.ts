import type { KeyObject } from "node:crypto";
import { createSecureServer, type Http2SecureServer, type ServerHttp2Session } from "node:http2";
import type { AddressInfo } from "node:net";
import { BUNDLE_BOUNDS } from "@sluice/shared/bundle";
import type { Logger } from "@sluice/shared/observability";
import { ConfigService } from "@sluice/shared/stream";
import type { Clock } from "@sluice/shared/time";
import type { ScopePublications } from "../publishing/index.js";
import { authentication, connectionValues } from "./call-context.js";
import { ConfigStreams } from "./config-service.js";
import { connectAdapter } from "./connect-adapter.js";
import { type InstanceStatus, Instances } from "./instances.js";
import { type KnownKeys, KnownKeysInMemory } from "./known-keys.js";
import { STREAM_LIMITS, type StreamLimits } from "./limits.js";
import { keepAlive } from "./session-keep-alive.js";

export interface StreamServerOptions {
  readonly publications: ScopePublications;
  readonly logger: Logger;
  readonly clock: Clock;
  readonly host: string;
  /** 0 lets the system choose. */
  readonly port: number;
  /** PEM. */
  readonly tls: { readonly cert: Buffer; readonly key: Buffer };
  /** Ed25519; what data-plane tokens are checked with. */
  readonly tokenPublicKey: KeyObject;
  /** Shown to data planes, for their logs. */
  readonly name: string;
  /** Default: in memory. */
  readonly knownKeys?: KnownKeys;
  readonly limits?: Partial<StreamLimits>;
}

export interface StreamServer {
  readonly port: number;
  /** The data planes that this process has seen. */
  instances(): InstanceStatus[];
  /** Sends all data planes on, waits up to 2 s for them to go, and ends what is left. */
  stop(): Promise<void>;
}

const MOST_REQUEST_BYTES = 64 * 1024;
const MOST_MESSAGE_BYTES = BUNDLE_BOUNDS.largestChunkBytes + 1024;
/** HTTP/2's default window of 64 KiB costs a round trip each time it is full. */
const WINDOW_BYTES = 8 * 1024 * 1024;
const HANDSHAKE_TIMEOUT_MS = 10_000;
const STREAMS_PER_CONNECTION = 16;
const DRAIN_MS = 2000;
const DRAIN_STEP_MS = 20;

/** The configuration stream: Connect over HTTP/2 and TLS, on a port of its own. */
export async function startStreamServer(options: StreamServerOptions): Promise<StreamServer> {
  const { logger, publications, clock, name, tokenPublicKey, host, port } = options;
  const limits = { ...STREAM_LIMITS, ...options.limits };
  const instances = new Instances();
  const knownKeys = options.knownKeys ?? new KnownKeysInMemory(limits.instancesPerGroup);
  const streams = new ConfigStreams({ publications, instances, knownKeys, limits, clock, logger, name });
  const server = createSecureServer(
    {
      ...options.tls,
      allowHTTP1: false,
      minVersion: "TLSv1.2",
      handshakeTimeout: HANDSHAKE_TIMEOUT_MS,
      settings: { initialWindowSize: WINDOW_BYTES, maxConcurrentStreams: STREAMS_PER_CONNECTION },
    },
    connectAdapter(
      (router) => router.service(ConfigService, streams),
      {
        grpc: false,
        grpcWeb: false,
        acceptCompression: [],
        readMaxBytes: MOST_REQUEST_BYTES,
        writeMaxBytes: MOST_MESSAGE_BYTES,
        interceptors: [authentication(tokenPublicKey, clock, logger)],
      },
      connectionValues,
      logger,
    ),
  );
  const sessions = new Set<ServerHttp2Session>();
  server.on("session", (session) => {
    sessions.add(session);
    session.setLocalWindowSize(WINDOW_BYTES);
    session.on("close", () => sessions.delete(session));
    session.on("error", (error) => logger.debug("a connection of the stream port failed", { error }));
    keepAlive(session, clock, limits.pingIntervalMs);
  });
  server.on("tlsClientError", (error) => logger.debug("TLS handshake on the stream port failed", { error }));
  await listen(server, host, port);
  return {
    port: (server.address() as AddressInfo).port,
    instances: () => instances.list(),
    stop: async () => {
      streams.drain();
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      const startedMs = clock.monotonic();
      while (streams.open > 0 && clock.monotonic() - startedMs < DRAIN_MS) {
        await new Promise<void>((resolve) => clock.schedule(DRAIN_STEP_MS, resolve));
      }
      for (const session of sessions) session.destroy();
      await closed;
    },
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
