import type { ClientHttp2Session } from "node:http2";
import { Http2SessionManager } from "@connectrpc/connect-node";

const WINDOW_BYTES = 8 * 1024 * 1024;
const PING_INTERVAL_MS = 15_000;
const PING_TIMEOUT_MS = 10_000;

/** PEM. */
export interface ClientCertificate {
  readonly cert: Buffer;
  readonly key: Buffer;
}

export interface StreamTls {
  /** Undefined: the system's roots. */
  readonly ca: Buffer | undefined;
  readonly clientCertificate: ClientCertificate | undefined;
}

/** A connection whose windows hold a snapshot: with HTTP/2's default of 64 KiB each of them costs a round trip. */
export class WideSession extends Http2SessionManager {
  readonly #widened = new WeakSet<ClientHttp2Session>();

  constructor(url: string, tls: StreamTls) {
    super(
      url,
      { pingIntervalMs: PING_INTERVAL_MS, pingTimeoutMs: PING_TIMEOUT_MS },
      {
        settings: { initialWindowSize: WINDOW_BYTES },
        ...(tls.ca === undefined ? {} : { ca: tls.ca }),
        ...tls.clientCertificate,
      },
    );
  }

  override async request(
    ...args: Parameters<Http2SessionManager["request"]>
  ): ReturnType<Http2SessionManager["request"]> {
    const stream = await super.request(...args);
    const { session } = stream;
    if (session !== undefined && !this.#widened.has(session as ClientHttp2Session)) {
      this.#widened.add(session as ClientHttp2Session);
      session.setLocalWindowSize(WINDOW_BYTES);
    }
    return stream;
  }
}
