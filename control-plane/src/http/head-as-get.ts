import type { RequestHandler } from "express";

/** HEAD is a GET without the body (Node leaves it out by itself), here and for the contract. */
export function headAsGet(): RequestHandler {
  return (request, _response, next) => {
    if (request.method === "HEAD") request.method = "GET";
    next();
  };
}
