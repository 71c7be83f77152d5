import express, { type ErrorRequestHandler, type RequestHandler } from "express";
import { ApiError } from "./api-error.js";

const MOST_BODY_BYTES = "1mb";

/** Bodies are JSON whatever the request calls them, as with Supavisor's clients; what is not JSON is shown its place. */
export function jsonBody(): (RequestHandler | ErrorRequestHandler)[] {
  const parse: RequestHandler = (request, _response, next) => {
    if (!Buffer.isBuffer(request.body)) {
      next();
      return;
    }
    const text = request.body.toString("utf8");
    if (text.trim() === "") {
      request.body = undefined;
      next();
      return;
    }
    try {
      request.body = JSON.parse(text);
      next();
    } catch (error) {
      next(new ApiError(400, { error: `the body is not JSON: ${placeOf(error, text)}` }));
    }
  };
  return [express.raw({ type: ["application/json", "application/*+json"], limit: MOST_BODY_BYTES }), parse];
}

/** Line, column, and the word that stands there; not more, since bodies hold passwords. */
function placeOf(error: unknown, text: string): string {
  const message = error instanceof Error ? error.message : "";
  const match = /position (\d+)/.exec(message);
  // V8 does not always name the position; at the end of the text it never does.
  const position = match === null ? firstBadPosition(text) : Number(match[1]);
  const before = text.slice(0, position);
  const line = before.split("\n").length;
  const column = position - before.lastIndexOf("\n");
  const found = text.slice(position, position + 2);
  if (found === "") return `it ends too soon, at line ${line}, column ${column}`;
  const hint = found === "//" || found === "/*" ? "; comments are not part of JSON" : "";
  return `unexpected ${JSON.stringify(found.startsWith("/") ? found : found[0])} at line ${line}, column ${column}${hint}`;
}

/** The longest beginning that could still become JSON ends where the mistake is. */
function firstBadPosition(text: string): number {
  let inString = false;
  for (let i = 0; i < text.length; i++) {
    const character = text[i];
    if (inString) {
      if (character === "\\") i += 1;
      else if (character === '"') inString = false;
    } else if (character === '"') inString = true;
    else if (character === "/") return i;
  }
  return text.length;
}
