import { randomBytes } from "node:crypto";
import { DEFAULT_ITERATIONS, hmac, type ScramVerifier } from "@sluice/shared/secrets";

const MOST_KEYS = 1000;

/**
 * Verifiers for users that do not exist: the salt is stable for a name, so that asking twice tells nothing, and
 * nobody can know a password for it. PostgreSQL does the same (`mock_scram_secret`).
 */
export class MockVerifiers {
  readonly #key = randomBytes(32);
  readonly #keys = new Map<string, Buffer>();

  /**
   * @param seed a secret of the tenant, so that the salt is the same on every worker and data plane and after a
   *   restart, as a real one would be; without it, it is stable for this process only
   */
  for(tenant: string, user: string, seed: string | undefined): ScramVerifier {
    const key = seed === undefined ? this.#key : this.#keyOf(seed);
    return {
      iterations: DEFAULT_ITERATIONS,
      salt: hmac(key, `salt\0${tenant}\0${user}`).subarray(0, 16),
      // Of these nothing is ever told.
      storedKey: this.#key,
      serverKey: this.#key,
    };
  }

  /** One for each tenant's seed, whoever asks. */
  #keyOf(seed: string): Buffer {
    const known = this.#keys.get(seed);
    if (known !== undefined) return known;
    if (this.#keys.size >= MOST_KEYS) this.#keys.clear();
    const key = hmac(Buffer.from(seed), "mock verifier");
    this.#keys.set(seed, key);
    return key;
  }
}
