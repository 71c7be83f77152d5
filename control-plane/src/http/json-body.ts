import express, { type RequestHandler } from "express";
import { TenantInvalid } from "../tenants/index.js";
import { placeOfMistake } from "./json-mistake.js";
import { isNestedTooDeep } from "./nesting.js";
import { RequestRefused } from "./request-failure.js";

const MOST_BODY = "1mb";

/** Reads a JSON body; what is not JSON is refused with its place. Other content types are left to the contract: 415. */
export function jsonBody(): RequestHandler[] {
  const parse: RequestHandler = (request, _response, next) => {
    if (!Buffer.isBuffer(request.body)) {
      next();
      return;
    }
    const text = decode(request.body);
    if (text.trim() === "") {
      request.body = undefined;
      next();
      return;
    }
    try {
      request.body = JSON.parse(text);
    } catch {
      throw new RequestRefused(400, `the body is not JSON: ${placeOfMistake(text)}`);
    }
    if (isNestedTooDeep(request.body)) throw new TenantInvalid({ body: ["is nested too deep"] });
    next();
  };
  return [express.raw({ type: "application/json", limit: MOST_BODY }), parse];
}

function decode(body: Buffer): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(body);
  } catch {
    throw new RequestRefused(400, "the body is not JSON: it is not UTF-8");
  }
}
