import { formatVerifier, makeVerifier } from "@sluice/shared/secrets";
import type { WantedUser } from "./merge-tenant.js";
import type { Tenant, User } from "./tenant.js";

/** An unchanged password keeps its verifier: a new salt would be a change that nobody asked for. */
export function withSecrets(users: readonly WantedUser[], stored: Tenant | undefined): Promise<User[]> {
  const known = new Map(stored?.users.map((user) => [user.dbUser, user]));
  return Promise.all(
    users.map(async ({ dbPassword, ...settings }) => {
      const kept = known.get(settings.dbUser);
      if (kept !== undefined && (dbPassword === undefined || dbPassword === kept.dbPassword)) {
        return { ...settings, dbPassword: kept.dbPassword, verifier: kept.verifier };
      }
      // mergeTenant has refused a user that has neither a password nor a stored one.
      return { ...settings, ...(await secretsOf(dbPassword ?? "")) };
    }),
  );
}

export async function secretsOf(password: string): Promise<Pick<User, "dbPassword" | "verifier">> {
  return { dbPassword: password, verifier: formatVerifier(await makeVerifier(password)) };
}
