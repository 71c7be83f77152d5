import { parseVerifier, type ScramVerifier } from "@sluice/shared/secrets";
import { type Clock, Deadline, within } from "@sluice/shared/time";
import type { Tenant } from "../tenants/index.js";
import { AuthQueryFailed, type Verifiers } from "../verifiers/index.js";
import type { ToPrimary, VerifierAnswer } from "./messages.js";

const ANSWER_TIMEOUT_MS = 12_000;

/** A worker's verifiers: from the bundle at hand, else asked of the primary, which alone runs auth_query. */
export class RemoteVerifiers implements Verifiers {
  readonly #send: (message: ToPrimary) => void;
  readonly #clock: Clock;
  readonly #waiting = new Map<number, (answer: VerifierAnswer) => void>();
  #lastId = 0;

  constructor(send: (message: ToPrimary) => void, clock: Clock) {
    this.#send = send;
    this.#clock = clock;
  }

  async find(tenant: Tenant, user: string): Promise<ScramVerifier | undefined> {
    if (tenant.requireUser) {
      const known = tenant.users.get(user);
      return known === undefined ? undefined : parseVerifier(known.verifier());
    }
    this.#lastId += 1;
    const id = this.#lastId;
    const answered = new Promise<VerifierAnswer>((resolve) => {
      this.#waiting.set(id, resolve);
    });
    this.#send({ kind: "verifier-wanted", id, tenant: tenant.id, user });
    try {
      const { outcome } = await within(
        Deadline.after(this.#clock, ANSWER_TIMEOUT_MS),
        "auth_query",
        answered,
      );
      if ("failed" in outcome) throw new AuthQueryFailed(outcome.failed);
      const { found } = outcome;
      return found === undefined
        ? undefined
        : {
            iterations: found.iterations,
            salt: Buffer.from(found.salt),
            storedKey: Buffer.from(found.storedKey),
            serverKey: Buffer.from(found.serverKey),
          };
    } finally {
      this.#waiting.delete(id);
    }
  }

  loginFailed(tenant: Tenant, user: string): void {
    if (!tenant.requireUser) this.#send({ kind: "login-failed", tenant: tenant.id, user });
  }

  answered(answer: VerifierAnswer): void {
    this.#waiting.get(answer.id)?.(answer);
  }
}
