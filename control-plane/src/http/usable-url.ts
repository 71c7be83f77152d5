import type { RequestHandler } from "express";
import { TenantInvalid } from "../tenants/index.js";

/** No name and no text that somebody looks for holds a NUL, and Postgres takes none. */
export function usableUrl(): RequestHandler {
  return (request, _response, next) => {
    if (request.originalUrl.includes("%00")) {
      throw new TenantInvalid({ url: ["must not hold a NUL character"] });
    }
    next();
  };
}
