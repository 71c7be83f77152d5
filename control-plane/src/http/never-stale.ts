import type { RequestHandler } from "express";

/** Answers are for one operator and one moment: whoever keeps one asks again, by its ETag, before using it. */
export function neverStale(): RequestHandler {
  return (_request, response, next) => {
    response.set("cache-control", "private, no-cache");
    next();
  };
}
