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
  type Interceptor,
} from "@connectrpc/connect";
import { SluiceError } from "@sluice/shared/errors";
import type { Logger } from "@sluice/shared/observability";
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

export function connectionValues(request: Http2ServerRequest): ContextValues {
  return createContextValues().set(CONNECTION, {
    ...certificateOf(request.stream.session?.socket),
    address: request.socket.remoteAddress ?? "",
    drop: () => request.stream.close(constants.NGHTTP2_CANCEL),
  });
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

/** By the token, when there is one; else by the certificate. */
export function authentication(options: AuthenticationOptions): Interceptor {
  const { tokenPublicKey, blockedTokens, clock, logger } = options;
  const tokens = new KnownTokens(tokenPublicKey, blockedTokens, clock);
  return (next) => async (request) => {
    const bearer = /^bearer +(\S+)$/i.exec(request.header.get("authorization") ?? "")?.[1];
    const { address, certificate, certificateError } = connectionOf({ values: request.contextValues });
    try {
      if (bearer === undefined && certificateError !== undefined)
        throw new CertificateRefused(certificateError);
      const caller =
        bearer === undefined && certificate !== undefined
          ? callerOfCertificate(certificate)
          : await tokens.callerOf(bearer);
      request.contextValues.set(CALLER, caller);
    } catch (error) {
      logger.warn("data plane refused", { error, address });
      throw new ConnectError(SluiceError.from(error).clientMessage, Code.Unauthenticated);
    }
    return next(request);
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
