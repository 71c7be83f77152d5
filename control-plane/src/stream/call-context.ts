import type { KeyObject, X509Certificate } from "node:crypto";
import type { Http2ServerRequest } from "node:http2";
import { constants } from "node:http2";
import type { TLSSocket } from "node:tls";
import {
  Code,
  ConnectError,
  type ContextValues,
  createContextKey,
  createContextValues,
  type HandlerContext,
} from "@connectrpc/connect";
import { SluiceError } from "@sluice/shared/errors";
import { type Logger, SampledLog } from "@sluice/shared/observability";
import type { Clock } from "@sluice/shared/time";
import type { BlockedTokens } from "../operators/index.js";
import { CertificateRefused, callerOfCertificate } from "./data-plane-certificate.js";
import type { Caller } from "./data-plane-token.js";
import { KnownTokens } from "./known-tokens.js";

/** The HTTP/2 stream under a call. */
export interface Connection {
  readonly address: string;
  /** Of the data plane, when its chain is good; undefined: it showed none, or nobody asked for one. */
  readonly certificate: X509Certificate | undefined;
  /** Why what it showed is not good. */
  readonly certificateError: string | undefined;
  /** Resets it, also when it is full and nobody reads. */
  readonly drop: () => void;
}

const CALLER = createContextKey<Caller | undefined>(undefined);
const CONNECTION = createContextKey<Connection | undefined>(undefined);

export function callValues(request: Http2ServerRequest): ContextValues {
  return createContextValues().set(CONNECTION, connectionUnder(request));
}

/** Who calls is known; whose call is refused comes to no handler. */
export function settleCaller(values: ContextValues, caller: Caller): void {
  values.set(CALLER, caller);
}

export function connectionOf(context: Pick<HandlerContext, "values">): Connection {
  return present(context.values.get(CONNECTION));
}

/** Who calls; a call without a good token comes to no handler. */
export function callerOf(context: Pick<HandlerContext, "values">): Caller {
  return present(context.values.get(CALLER));
}

export interface AuthenticationOptions {
  /** Ed25519; what data-plane tokens are checked with. */
  readonly tokenPublicKey: KeyObject;
  /** Tokens, or their `jti`, that are refused. */
  readonly blockedTokens: BlockedTokens;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** From the head of a request alone. @throws ConnectError, as the caller may read it */
export type AuthenticateCall = (request: Http2ServerRequest) => Promise<Caller>;

/** By the token, when there is one; else by the certificate. */
export function authentication(options: AuthenticationOptions): AuthenticateCall {
  const { tokenPublicKey, blockedTokens, clock, logger } = options;
  const tokens = new KnownTokens(tokenPublicKey, blockedTokens, clock);
  const refusals = new SampledLog(logger, "data plane refused", clock);
  return async (request) => {
    const bearer = /^bearer +(\S+)$/i.exec(request.headers.authorization ?? "")?.[1];
    const { address, certificate, certificateError } = connectionUnder(request);
    try {
      if (bearer === undefined && certificateError !== undefined)
        throw new CertificateRefused(certificateError);
      return bearer === undefined && certificate !== undefined
        ? callerOfCertificate(certificate)
        : await tokens.callerOf(bearer);
    } catch (error) {
      refusals.write("warn", address, { error, address });
      throw new ConnectError(SluiceError.from(error).clientMessage, Code.Unauthenticated);
    }
  };
}

function connectionUnder(request: Http2ServerRequest): Connection {
  return {
    ...certificateOf(request.stream.session?.socket),
    address: request.socket.remoteAddress ?? "",
    drop: () => request.stream.close(constants.NGHTTP2_CANCEL),
  };
}

/** The handshake has checked the chain; it lets everybody through, since a token is as good. */
function certificateOf(socket: unknown): Pick<Connection, "certificate" | "certificateError"> {
  const { authorized, authorizationError, getPeerX509Certificate } = (socket ?? {}) as Partial<TLSSocket>;
  const shown = getPeerX509Certificate?.();
  if (shown === undefined) return { certificate: undefined, certificateError: undefined };
  return authorized === true
    ? { certificate: shown, certificateError: undefined }
    : { certificate: undefined, certificateError: String(authorizationError ?? "it is not verified") };
}

function present<T>(value: T | undefined): T {
  if (value === undefined) throw new ConnectError("the call has no context", Code.Internal);
  return value;
}
