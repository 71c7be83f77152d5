import { SluiceError } from "@sluice/shared/errors";

/** What is stored has another version than the caller has seen (If-Match), or is there at all (If-None-Match: *). */
export class PreconditionFailed extends SluiceError {
  constructor(current: string | undefined) {
    super({
      code: "EPRECONDITION",
      kind: "conflict",
      clientMessage:
        current === undefined
          ? "there is none of this name, so no version of it can match"
          : `what is stored has another version by now, ${current}: read it again`,
    });
  }
}

/** Of a request: what must be true of the stored version for anything to be changed (RFC 9110 section 13). */
export interface Precondition {
  /** Quoted entity tags; `*`: any version, but one must be there. */
  readonly ifMatch?: readonly string[] | "*";
  /** `*`: none may be there. */
  readonly ifNoneMatch?: readonly string[] | "*";
}

export interface Versioned {
  readonly id: string;
  readonly version: number;
}

/** Another one for every change, also when a thing is deleted and made again. */
export function entityTag({ id, version }: Versioned): string {
  return `"${id}.${version}"`;
}

/** @throws PreconditionFailed */
export function checkPrecondition(precondition: Precondition, stored: Versioned | undefined): void {
  const tag = stored === undefined ? undefined : entityTag(stored);
  const { ifMatch, ifNoneMatch } = precondition;
  if (ifMatch !== undefined && !holds(ifMatch, tag)) throw new PreconditionFailed(tag);
  if (ifNoneMatch !== undefined && holds(ifNoneMatch, tag)) throw new PreconditionFailed(tag);
}

/** Strong comparison: a weak tag (`W/...`) matches nothing. */
function holds(tags: readonly string[] | "*", tag: string | undefined): boolean {
  return tag !== undefined && (tags === "*" || tags.includes(tag));
}
