import { ApiNotUnderstood, ApiRefused, ApiUnreachable } from "../client/index.js";
import { type Diagnostic, type Path, problem, Refused } from "../framework/index.js";

/** Where in the configuration a field of the API stands; undefined: nowhere. */
export type FieldPath = (field: string) => Path | undefined;

/** Runs a call of the API; what it refuses is said in words, each problem at the attribute that it is about. */
export async function explained<T>(
  doing: string,
  work: Promise<T>,
  fieldPath: FieldPath = () => undefined,
): Promise<T> {
  try {
    return await work;
  } catch (error) {
    throw new Refused(diagnosticsOf(doing, error, fieldPath));
  }
}

/** @param doing for instance `create the tenant "a"` @throws what is no failure of the API */
export function diagnosticsOf(doing: string, error: unknown, fieldPath: FieldPath): readonly Diagnostic[] {
  const summary = `Could not ${doing}`;
  if (error instanceof Refused) return error.diagnostics;
  if (error instanceof ApiUnreachable) {
    const what = `The control plane did not answer at ${error.url}: ${error.message}.`;
    const doubt = error.wasChange
      ? " The change may have been made all the same. Applying again is safe: a thing that was made and is not in state is " +
        "left as it is, and told of with the terraform import that takes it over."
      : "";
    return [problem(summary, `${what} Check endpoint (or SLUICE_ENDPOINT).${doubt}`)];
  }
  if (error instanceof ApiNotUnderstood) return [problem(summary, `${error.message}`)];
  if (!(error instanceof ApiRefused)) throw error;
  const fields = Object.entries(error.fields);
  if (fields.length === 0) return [problem(summary, refusalText(error))];
  return fields.map(([field, texts]) =>
    problem(summary, `${field} ${texts.join("; ")}.${trace(error)}`, fieldPath(field)),
  );
}

function refusalText(error: ApiRefused): string {
  switch (error.status) {
    case 401:
      return `${error.message}. Check token (or SLUICE_TOKEN).${trace(error)}`;
    case 403:
      return `${error.message}. Use a token that has this scope.${trace(error)}`;
    case 429:
      return `${error.message}. Run Terraform with a smaller -parallelism, or raise retry_timeout.${trace(error)}`;
    default:
      return `The control plane answered ${error.status}: ${error.message}.${trace(error)}`;
  }
}

function trace({ requestId }: ApiRefused): string {
  return requestId === undefined ? "" : ` (request ${requestId} in the control plane's log)`;
}

/**
 * What the API would say to a change. Only what is wrong with the thing itself: a tenant that is still to be made, a
 * name that another change of this plan sets free, or a token that may only read, is no problem of a plan.
 * @param shared fields whose problems lie between several things
 */
export async function previewed(
  dryRun: () => Promise<unknown>,
  doing: string,
  fieldPath: FieldPath,
  shared: readonly RegExp[],
): Promise<readonly Diagnostic[]> {
  try {
    await dryRun();
    return [];
  } catch (error) {
    if (!(error instanceof ApiRefused) || error.status !== 422) return [];
    const own = Object.entries(error.fields).filter(
      ([field]) => fieldPath(field) !== undefined && !shared.some((pattern) => pattern.test(field)),
    );
    if (own.length === 0) return [];
    const narrowed = new ApiRefused(422, error.message, Object.fromEntries(own), error.requestId);
    return diagnosticsOf(doing, narrowed, fieldPath);
  }
}
