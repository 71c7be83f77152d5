import { SluiceError } from "@sluice/shared/errors";
import type { Logger } from "@sluice/shared/observability";
import type { ErrorRequestHandler } from "express";
import { error as validation } from "express-openapi-validator";
import { TenantInvalid } from "../tenants/index.js";
import { ApiError } from "./api-error.js";

const STATUS = {
  invalid: 422,
  unauthenticated: 401,
  forbidden: 403,
  "not-found": 404,
  conflict: 409,
  limit: 429,
  timeout: 504,
  unavailable: 503,
  internal: 500,
} as const;

/** The one place where errors become answers. What is not foreseen is logged and shown as its request id. */
export function errorAnswers(logger: Logger): ErrorRequestHandler {
  return (thrown: unknown, _request, response, _next) => {
    const { status, body } = answerFor(thrown);
    if (status === 401) response.setHeader("www-authenticate", 'Bearer realm="sluice"');
    if (status >= 500) {
      logger.error("request failed", { requestId: response.locals["requestId"], error: thrown });
      response.status(status).json({ error: "internal error", request_id: response.locals["requestId"] });
      return;
    }
    response.status(status).json(body);
  };
}

function answerFor(thrown: unknown): { status: number; body: Readonly<Record<string, unknown>> } {
  if (thrown instanceof ApiError) return thrown;
  if (thrown instanceof TenantInvalid) return { status: 422, body: { errors: thrown.problems } };
  if (thrown instanceof SluiceError)
    return { status: STATUS[thrown.kind], body: { error: thrown.clientMessage } };
  if (thrown instanceof validation.BadRequest) {
    return { status: 422, body: { errors: fieldErrors(thrown.errors) } };
  }
  if (thrown instanceof validation.Unauthorized) {
    return { status: 401, body: { error: "a valid bearer token is needed" } };
  }
  const status = statusOf(thrown);
  return {
    status,
    body: { error: status < 500 && thrown instanceof Error ? thrown.message : "internal error" },
  };
}

/** `/body/tenant/users/0/pool_size` → `users.0.pool_size` */
function fieldErrors(errors: readonly { path: string; message: string }[]): Record<string, string[]> {
  const byField: Record<string, string[]> = {};
  for (const { path, message } of errors) {
    const field = path
      .replace(/^\/(body|params|query)\/?/, "")
      .replace(/^tenant\/(?=.)/, "")
      .replaceAll("/", ".");
    const key = field === "" ? "tenant" : field;
    byField[key] = [...(byField[key] ?? []), message];
  }
  return byField;
}

function statusOf(thrown: unknown): number {
  if (
    typeof thrown === "object" &&
    thrown !== null &&
    "status" in thrown &&
    typeof thrown.status === "number"
  ) {
    return thrown.status;
  }
  return 500;
}
