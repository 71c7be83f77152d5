import { SluiceError } from "@sluice/shared/errors";

/** By path, for instance `users.0.pool_size`: what is wrong there. */
export type FieldProblems = Readonly<Record<string, readonly string[]>>;

export class TenantInvalid extends SluiceError {
  readonly problems: FieldProblems;

  constructor(problems: FieldProblems) {
    super({
      code: "ETENANTINVALID",
      kind: "invalid",
      clientMessage: "the tenant cannot be used as it is",
      detail: Object.keys(problems).join(", "),
    });
    this.problems = problems;
  }
}

export class TenantUnknown extends SluiceError {
  constructor(externalId: string) {
    // The text is Supavisor's.
    super({ code: "ETENANTUNKNOWN", kind: "not-found", clientMessage: "not found", detail: externalId });
  }
}
