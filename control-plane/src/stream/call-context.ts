import type { KeyObject } from "node:crypto";
import type { Http2ServerRequest } from "node:http2";
import { constants } from "node:http2";
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
import { type Caller, verifyDataPlaneToken } from "./data-plane-token.js";

/** The HTTP/2 stream under a call. */
export interface Connection {
  readonly address: string;
  /** Resets it, also when it is full and nobody reads. */
  readonly drop: () => void;
}

const CALLER = createContextKey<Caller | undefined>(undefined);
const CONNECTION = createContextKey<Connection | undefined>(undefined);

export function connectionValues(request: Http2ServerRequest): ContextValues {
  return createContextValues().set(CONNECTION, {
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

export function authentication(publicKey: KeyObject, clock: Clock, logger: Logger): Interceptor {
  return (next) => async (request) => {
    const bearer = /^bearer +(\S+)$/i.exec(request.header.get("authorization") ?? "")?.[1];
    try {
      request.contextValues.set(CALLER, await verifyDataPlaneToken(bearer, publicKey, clock));
    } catch (error) {
      const { address } = connectionOf({ values: request.contextValues });
      logger.warn("data plane refused", { error, address });
      throw new ConnectError(SluiceError.from(error).clientMessage, Code.Unauthenticated);
    }
    return next(request);
  };
}

function present<T>(value: T | undefined): T {
  if (value === undefined) throw new ConnectError("the call has no context", Code.Internal);
  return value;
}
