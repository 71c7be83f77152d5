import { type Clock, Deadline, within } from "@sluice/shared/time";
import type { StoredSecret } from "../auth/index.js";
import type { Tenant } from "../tenants/index.js";
import { AuthQueryFailed, configuredSecret, type Verifiers } from "../verifiers/index.js";
import type { FoundSecret, ToPrimary, VerifierAnswer } from "./messages.js";

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

  async find(tenant: Tenant, user: string): Promise<StoredSecret | undefined> {
    if (tenant.requireUser) return configuredSecret(tenant, user);
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
      return outcome.found === undefined ? undefined : received(outcome.found);
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

/** The channel makes plain arrays of Buffers. */
function received(secret: FoundSecret): StoredSecret {
  if (secret.kind === "md5") return secret;
  const { iterations, salt, storedKey, serverKey } = secret.verifier;
  return {
    kind: "scram",
    verifier: {
      iterations,
      salt: Buffer.from(salt),
      storedKey: Buffer.from(storedKey),
      serverKey: Buffer.from(serverKey),
    },
  };
}
