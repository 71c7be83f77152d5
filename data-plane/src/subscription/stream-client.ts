import { randomBytes } from "node:crypto";
import { type Client, Code, ConnectError, createClient } from "@connectrpc/connect";
import { createConnectTransport } from "@connectrpc/connect-node";
import { BUNDLE_BOUNDS } from "@sluice/shared/bundle";
import { messageOf } from "@sluice/shared/errors";
import { ConfigService } from "@sluice/shared/stream";
import { type StreamTls, WideSession } from "./wide-session.js";

/** One connection to a control plane. Both calls of the service go over it. */
export interface StreamClient {
  readonly calls: Client<typeof ConfigService>;
  /** For Watch, and the reports of what it brings: nobody else can report for this instance meanwhile. */
  readonly reportKey: Uint8Array<ArrayBuffer>;
  /** Ends the connection and everything on it. */
  close(): void;
}

/** The frame around the largest message. */
const MOST_MESSAGE_BYTES = BUNDLE_BOUNDS.largestChunkBytes + 1024;
/** A status with the counters of many tenants. */
const MOST_REQUEST_BYTES = 8 * 1024 * 1024;
const REPORT_KEY_BYTES = 32;

/** Connects with the first call. @param token undefined: the certificate is the credential. */
export function openStreamClient(url: string, tls: StreamTls, token: string | undefined): StreamClient {
  const session = new WideSession(url, tls);
  const transport = createConnectTransport({
    baseUrl: url,
    httpVersion: "2",
    sessionManager: session,
    acceptCompression: [],
    readMaxBytes: MOST_MESSAGE_BYTES,
    writeMaxBytes: MOST_REQUEST_BYTES,
    interceptors: [
      (next) => (request) => {
        if (token !== undefined) request.header.set("authorization", `Bearer ${token}`);
        return next(request);
      },
    ],
  });
  return {
    calls: createClient(ConfigService, transport),
    reportKey: Uint8Array.from(randomBytes(REPORT_KEY_BYTES)),
    close: () => session.abort(),
  };
}

/** Another data plane has connected as this one: it has a copy of the data folder and the node key. */
export function isSuperseded(error: unknown): boolean {
  return ConnectError.from(error).code === Code.AlreadyExists;
}

/** What an operator needs to know of a stream that could not be opened or has ended. */
export function describeStreamError(error: unknown): string {
  const { code, rawMessage } = ConnectError.from(error);
  switch (code) {
    case Code.Unauthenticated:
      return `the control plane refuses this data plane's credential: ${rawMessage}`;
    case Code.PermissionDenied:
    case Code.FailedPrecondition:
    case Code.ResourceExhausted:
      return `the control plane refuses this data plane: ${rawMessage}`;
    case Code.AlreadyExists:
      return `another data plane has connected with the same instance id and node key; give each machine a data folder of its own (${rawMessage})`;
    default:
      return /certificate|self.signed|altname/i.test(rawMessage)
        ? `the control plane's certificate is not trusted (CONTROL_PLANE_CA_PATH, the name in CONTROL_PLANE_URL): ${rawMessage}`
        : messageOf(error);
  }
}
