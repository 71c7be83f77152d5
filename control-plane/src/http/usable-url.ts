import type { RequestHandler } from "express";
import { TenantInvalid } from "../tenants/index.js";

/** No name and no text that somebody looks for holds a NUL, and Postgres takes none. What is no UTF-8 names nothing. */
export function usableUrl(): RequestHandler {
  return (request, _response, next) => {
    if (request.originalUrl.includes("%00")) {
      throw new TenantInvalid({ url: ["must not hold a NUL character"] });
    }
    if (!isDecodable(request.path))
      throw new TenantInvalid({ url: ["must be UTF-8, with % and two digits"] });
    next();
  };
}

function isDecodable(path: string): boolean {
  try {
    decodeURIComponent(path);
    return true;
  } catch {
    return false;
  }
}
