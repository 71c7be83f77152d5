import type { Request, RequestHandler } from "express";
import { ipKeyGenerator, type RateLimitInfo, rateLimit } from "express-rate-limit";
import { operatorOf } from "./operator-only.js";
import { RequestRefused } from "./request-failure.js";

const MINUTE_MS = 60_000;

export interface RateLimits {
  /** Requests a minute of one token, and from one address. 0: no limit. */
  readonly perToken: number;
  readonly perAddress: number;
}

/** In front of the token's check: guessing tokens is limited too. Counted in each process by itself. */
export function addressLimit({ perAddress }: RateLimits): RequestHandler {
  // A network of IPv6 addresses belongs to one host.
  return limit(perAddress, "address", (request) => ipKeyGenerator(request.ip ?? ""));
}

export function tokenLimit({ perToken }: RateLimits): RequestHandler {
  return limit(
    perToken,
    "token",
    (request) => operatorOf(request.res as NonNullable<Request["res"]>).tokenId,
  );
}

function limit(most: number, what: string, keyGenerator: (request: Request) => string): RequestHandler {
  if (most === 0) return (_request, _response, next) => next();
  return rateLimit({
    windowMs: MINUTE_MS,
    limit: most,
    keyGenerator,
    standardHeaders: false,
    legacyHeaders: false,
    handler: (request, response, next) => {
      const { rateLimit: state } = request as Request & { readonly rateLimit?: RateLimitInfo };
      response.set("retry-after", String(secondsUntil(state?.resetTime)));
      next(new RequestRefused(429, `there are more than ${most} requests a minute of this ${what}`));
    },
  });
}

function secondsUntil(moment: Date | undefined): number {
  const ms = moment === undefined ? MINUTE_MS : moment.getTime() - Date.now();
  return Math.max(1, Math.ceil(ms / 1000));
}
