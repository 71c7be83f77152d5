import { type Clock, Deadline, within } from "@sluice/shared/time";
import type { StoredSecret } from "../auth/index.js";
import type { Tenant } from "../tenants/index.js";
import { AuthQueryFailed, configuredSecret, type Verifiers } from "../verifiers/index.js";
import type { FoundSecret, ToPrimary, VerifierAnswer } from "./messages.js";

const ANSWER_TIMEOUT_MS = 12_000;
/** Names that strangers made up are among them. */
const MOST_FRESH = 10_000;

type Found = Exclude<VerifierAnswer["outcome"], { readonly failed: string }>;

/** What the primary has answered about a user, or will answer. */
interface Known {
  readonly revision: number;
  readonly answer: Promise<StoredSecret | undefined>;
  /** Until when it holds; while it is asked, for whoever comes meanwhile. */
  untilMs: number;
}

/**
 * A worker's verifiers: from the bundle at hand, else asked of the primary, which alone runs auth_query. What it answers
 * holds for as long as the primary itself would not read it again, so that a storm of logins asks once.
 */
export class RemoteVerifiers implements Verifiers {
  readonly #send: (message: ToPrimary) => void;
  readonly #clock: Clock;
  readonly #waiting = new Map<number, (answer: VerifierAnswer) => void>();
  /** In the order in which they were asked; all hold about equally long. */
  readonly #known = new Map<string, Known>();
  #lastId = 0;

  constructor(send: (message: ToPrimary) => void, clock: Clock) {
    this.#send = send;
    this.#clock = clock;
  }

  async find(tenant: Tenant, user: string): Promise<StoredSecret | undefined> {
    if (tenant.requireUser) return configuredSecret(tenant, user);
    const key = keyOf(tenant.id, user);
    const known = this.#known.get(key);
    if (known?.revision === tenant.revision && this.#clock.monotonic() < known.untilMs) return known.answer;
    return this.#ask(tenant, user, key);
  }

  answered(answer: VerifierAnswer): void {
    this.#waiting.get(answer.id)?.(answer);
  }

  /** A login of this user has failed, here or at another worker: its password may be another one now. */
  outdated(tenant: string, user: string): void {
    this.#known.delete(keyOf(tenant, user));
  }

  #ask(tenant: Tenant, user: string, key: string): Promise<StoredSecret | undefined> {
    const found = this.#answerOf(tenant.id, user);
    const known: Known = {
      revision: tenant.revision,
      answer: found.then((outcome) => (outcome.found === undefined ? undefined : received(outcome.found))),
      untilMs: Number.POSITIVE_INFINITY,
    };
    this.#known.delete(key);
    this.#known.set(key, known);
    this.#forgetOld();
    found.then(
      ({ freshForMs }) => {
        known.untilMs = this.#clock.monotonic() + freshForMs;
      },
      () => {
        if (this.#known.get(key) === known) this.#known.delete(key);
      },
    );
    return known.answer;
  }

  async #answerOf(tenant: string, user: string): Promise<Found> {
    this.#lastId += 1;
    const id = this.#lastId;
    const answered = new Promise<VerifierAnswer>((resolve) => {
      this.#waiting.set(id, resolve);
    });
    this.#send({ kind: "verifier-wanted", id, tenant, user });
    try {
      const deadline = Deadline.after(this.#clock, ANSWER_TIMEOUT_MS);
      const { outcome } = await within(deadline, "auth_query", answered);
      if ("failed" in outcome) throw new AuthQueryFailed(outcome.failed);
      return outcome;
    } finally {
      this.#waiting.delete(id);
    }
  }

  #forgetOld(): void {
    const nowMs = this.#clock.monotonic();
    for (const [key, { untilMs }] of this.#known) {
      if (untilMs > nowMs && this.#known.size <= MOST_FRESH) break;
      this.#known.delete(key);
    }
  }
}

function keyOf(tenant: string, user: string): string {
  return `${tenant}\0${user}`;
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
