import { deriveScramKeys, type ScramKeys } from "@sluice/shared/secrets";
import { ServerAuthFailure } from "./server-auth-failure.js";

/** Of libuv's threads, of which there are four where nobody says otherwise, the others are left to files and DNS. */
const MOST_AT_ONCE = 2;
/** Of these a tenant whose server asks for a million iterations has one, and everybody else the other. */
const MOST_AT_ONCE_OF_TENANT = 1;
/** Each is a few milliseconds as a rule: a tenant whose users all come at once is far below. */
const MOST_WAITING_OF_TENANT = 1000;

interface Derivation {
  readonly password: string;
  readonly salt: Buffer;
  readonly iterations: number;
  readonly resolve: (keys: ScramKeys) => void;
  readonly reject: (error: unknown) => void;
}

interface TenantTurn {
  readonly waiting: Derivation[];
  running: number;
}

/**
 * Where passwords are hashed (PBKDF2, on libuv's threads) to log in to servers. How long it takes is for the tenant's
 * server to say, so tenants take turns: one that asks for much waits for itself.
 *
 *   tenants, in the order of their turns:  a [#######]  b [#]  c [##]
 *   the first with work and nothing running is next, and goes to the end
 */
export class KeyDerivations {
  /** Only those with work, waiting or running. */
  readonly #tenants = new Map<string, TenantTurn>();
  readonly #derive: typeof deriveScramKeys;
  #running = 0;

  constructor(derive = deriveScramKeys) {
    this.#derive = derive;
  }

  /** @throws ServerAuthFailure when too much of the tenant's is waiting */
  derive(tenant: string, password: string, salt: Buffer, iterations: number): Promise<ScramKeys> {
    const turn = this.#tenants.get(tenant) ?? { waiting: [], running: 0 };
    if (turn.waiting.length >= MOST_WAITING_OF_TENANT)
      return Promise.reject(
        new ServerAuthFailure("too many passwords of this tenant are waiting to be hashed"),
      );
    this.#tenants.set(tenant, turn);
    return new Promise((resolve, reject) => {
      turn.waiting.push({ password, salt, iterations, resolve, reject });
      this.#next();
    });
  }

  #next(): void {
    while (this.#running < MOST_AT_ONCE) {
      const next = this.#whoseTurn();
      if (next === undefined) return;
      this.#run(next.tenant, next.turn, next.derivation);
    }
  }

  #whoseTurn() {
    for (const [tenant, turn] of this.#tenants) {
      if (turn.running >= MOST_AT_ONCE_OF_TENANT) continue;
      const derivation = turn.waiting.shift();
      if (derivation !== undefined) return { tenant, turn, derivation };
    }
    return undefined;
  }

  #run(tenant: string, turn: TenantTurn, { password, salt, iterations, resolve, reject }: Derivation): void {
    this.#running += 1;
    turn.running += 1;
    this.#derive(password, salt, iterations)
      .then(resolve, reject)
      .finally(() => {
        this.#running -= 1;
        turn.running -= 1;
        // To the end of the line, behind whoever came meanwhile.
        this.#tenants.delete(tenant);
        if (turn.running > 0 || turn.waiting.length > 0) this.#tenants.set(tenant, turn);
        this.#next();
      });
  }
}
