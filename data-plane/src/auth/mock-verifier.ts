import { randomBytes } from "node:crypto";
import { DEFAULT_ITERATIONS, hmac, type ScramVerifier } from "@sluice/shared/secrets";

/**
 * Verifiers for users that do not exist: the salt is stable for a name, so that asking twice tells nothing, and
 * nobody can know a password for it. PostgreSQL does the same (`mock_scram_secret`).
 */
export class MockVerifiers {
  readonly #key = randomBytes(32);

  /**
   * @param seed a secret of the tenant, so that the salt is the same on every worker and data plane and after a
   *   restart, as a real one would be; without it, it is stable for this process only
   */
  for(tenant: string, user: string, seed: string | undefined): ScramVerifier {
    const key = seed === undefined ? this.#key : hmac(Buffer.from(seed), "mock verifier");
    const name = `${tenant}\0${user}`;
    return {
      iterations: DEFAULT_ITERATIONS,
      salt: hmac(key, `salt\0${name}`).subarray(0, 16),
      storedKey: hmac(this.#key, `stored\0${name}`),
      serverKey: hmac(this.#key, `server\0${name}`),
    };
  }
}
