import type { Request, Response } from "express";
import type { ChangeRequest, Precondition, Versioned } from "../tenants/index.js";
import { entityTag } from "../tenants/index.js";
import { actorOf } from "./operator-only.js";
import { RequestRefused } from "./request-failure.js";

const TAG = /^(W\/)?"[\x21\x23-\x7e\x80-\xff]*"$/;

/** Who asks, and which version of what is stored it is about (If-Match, If-None-Match). */
export function changeRequest(request: Request, response: Response): ChangeRequest {
  return { actor: actorOf(response), precondition: preconditionOf(request) };
}

/** @throws RequestRefused for a header that is no list of entity tags */
export function preconditionOf(request: Request): Precondition {
  const ifMatch = tagsOf(request, "if-match");
  const ifNoneMatch = tagsOf(request, "if-none-match");
  return {
    ...(ifMatch === undefined ? {} : { ifMatch }),
    ...(ifNoneMatch === undefined ? {} : { ifNoneMatch }),
  };
}

/** Of a GET: whether the caller has this version already; then the answer, 304, is given here. */
export function sendTag(request: Request, response: Response, stored: Versioned): boolean {
  const tag = entityTag(stored);
  response.set("etag", tag);
  const known = tagsOf(request, "if-none-match");
  if (known === undefined) return false;
  // Weak comparison, as RFC 9110 section 13.1.2 wants it for a GET.
  if (known !== "*" && !known.some((candidate) => candidate.replace(/^W\//, "") === tag)) return false;
  response.status(304).end();
  return true;
}

function tagsOf(request: Request, header: string): readonly string[] | "*" | undefined {
  const value = request.get(header)?.trim();
  if (value === undefined || value === "*") return value;
  const tags = value.split(",").map((tag) => tag.trim());
  if (!tags.every((tag) => TAG.test(tag))) {
    throw new RequestRefused(400, `${header} must be *, or entity tags in double quotes as ETag gave them`);
  }
  return tags;
}
