import { SluiceError } from "@sluice/shared/errors";
import type { Logger } from "@sluice/shared/observability";
import type { ErrorRequestHandler, Request } from "express";
import { error as validation } from "express-openapi-validator";
import { BearerTokenRefused, ScopeMissing } from "../operators/index.js";
import { CredentialsNotStored, PreconditionFailed, TenantInvalid } from "../tenants/index.js";
import { fieldErrors, type Nearest } from "./field-errors.js";
import { KnownFields } from "./known-fields.js";
import { methodsOf, type OpenApiDocument } from "./openapi-document.js";
import { RequestRefused } from "./request-failure.js";

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

const RETRY_AFTER_S = "1";

interface Answer {
  readonly status: number;
  readonly body: Readonly<Record<string, unknown>>;
  readonly headers?: Readonly<Record<string, string>>;
}

/** The one place where errors become answers. What nobody foresaw is logged, and shown as its request id only. */
export function errorAnswers(logger: Logger, document: OpenApiDocument): ErrorRequestHandler {
  const known = new KnownFields(document);
  return (thrown: unknown, request, response, _next) => {
    const requestId: unknown = response.locals.requestId;
    const nearest: Nearest = (path) => known.nearest(bodySchemaOf(request), path);
    const { status, body, headers } = methodAnswer(thrown, document, request.path) ??
      answerFor(thrown, nearest) ?? {
        status: 500,
        body: { error: "internal error", request_id: requestId },
      };
    if (status >= 500) logger.error("request failed", { requestId, error: thrown });
    // Half an answer cannot be taken back.
    if (response.headersSent) {
      response.destroy();
      return;
    }
    response
      .status(status)
      .set({ ...headers })
      .json(body);
  };
}

function methodAnswer(thrown: unknown, document: OpenApiDocument, path: string): Answer | undefined {
  if (!(thrown instanceof validation.MethodNotAllowed)) return undefined;
  const allow = methodsOf(document, path).join(", ");
  return { status: 405, body: { error: `this path takes ${allow}` }, headers: { allow } };
}

/** Of the operation that the contract has found for the request. */
function bodySchemaOf(request: Request): unknown {
  const { openapi } = request as Request & { readonly openapi?: { readonly schema?: Operation } };
  return openapi?.schema?.requestBody?.content?.["application/json"]?.schema;
}

interface Operation {
  readonly requestBody?: { readonly content?: Readonly<Record<string, { readonly schema?: unknown }>> };
}

function answerFor(thrown: unknown, nearest: Nearest): Answer | undefined {
  if (thrown instanceof PreconditionFailed) return { status: 412, body: { error: thrown.clientMessage } };
  if (thrown instanceof CredentialsNotStored) return { status: 400, body: { error: thrown.clientMessage } };
  if (thrown instanceof ScopeMissing) {
    const challenged = `Bearer realm="sluice", error="insufficient_scope", scope="${thrown.scope}"`;
    return {
      status: 403,
      body: { error: thrown.clientMessage },
      headers: { "www-authenticate": challenged },
    };
  }
  if (thrown instanceof TenantInvalid) return { status: 422, body: { errors: thrown.problems } };
  if (thrown instanceof RequestRefused)
    return { status: thrown.status, body: { error: thrown.clientMessage } };
  if (thrown instanceof BearerTokenRefused) {
    return {
      status: 401,
      body: { error: thrown.clientMessage },
      headers: { "www-authenticate": challenge(thrown.reason) },
    };
  }
  if (thrown instanceof SluiceError) {
    if (thrown.kind === "internal") return undefined;
    const status = STATUS[thrown.kind];
    return {
      status,
      body: { error: thrown.clientMessage },
      ...(status === 503 ? { headers: { "retry-after": RETRY_AFTER_S } } : {}),
    };
  }
  return contractAnswer(thrown, nearest) ?? parserAnswer(thrown);
}

/** RFC 6750 section 3: without a token no error is named. */
function challenge(reason: string | undefined): string {
  const realm = 'Bearer realm="sluice"';
  return reason === undefined ? realm : `${realm}, error="invalid_token", error_description="${reason}"`;
}

function contractAnswer(thrown: unknown, nearest: Nearest): Answer | undefined {
  if (thrown instanceof validation.BadRequest) {
    return { status: 422, body: { errors: fieldErrors(thrown.errors, nearest) } };
  }
  if (thrown instanceof validation.NotFound) return { status: 404, body: { error: "not found" } };
  if (thrown instanceof validation.UnsupportedMediaType) {
    return { status: 415, body: { error: "the body must be JSON: send content-type: application/json" } };
  }
  return undefined;
}

/** Of body-parser and the router: an error that says itself that its text may be shown. */
function parserAnswer(thrown: unknown): Answer | undefined {
  if (!(thrown instanceof Error) || !("status" in thrown) || typeof thrown.status !== "number")
    return undefined;
  const { status } = thrown;
  if (status === 413) return { status, body: { error: "the body is larger than 1 MB" } };
  if (status < 400 || status >= 500) return undefined;
  // A path that does not decode.
  if (thrown instanceof URIError) return { status: 400, body: { error: "the path cannot be decoded" } };
  // zlib's codes; brotli's have two underscores.
  if ("code" in thrown && /^(Z_|ERR__)/.test(String(thrown.code))) {
    return { status, body: { error: "the body is not what its content-encoding says" } };
  }
  return "expose" in thrown && thrown.expose === true
    ? { status, body: { error: thrown.message } }
    : { status, body: { error: "the request cannot be read" } };
}
