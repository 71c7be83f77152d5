import { readFileSync } from "node:fs";
import type { Variable } from "@sluice/shared/config";
import { makeVerifier, parseVerifier, type ScramVerifier } from "@sluice/shared/secrets";

export type ConsoleRight = "read" | "write";

export interface ConsoleUser {
  readonly name: string;
  readonly right: ConsoleRight;
  /** From a password it is made once, at the first login. */
  readonly verifier: () => Promise<ScramVerifier>;
}

const ENTRY = /^([^:,\s]+):(read|write):(.+)$/;
const LEAST_PASSWORD = 12;

/**
 * `name:read:secret` or `name:write:secret`, with commas, or `@path` of a file with one a line. The secret is a SCRAM
 * verifier as in `pg_authid`, or a password.
 */
export function consoleUsers(leastPassword = LEAST_PASSWORD): Variable<readonly ConsoleUser[]> {
  return (value) => {
    if (value === undefined) return [];
    const entries = (
      value.startsWith("@") ? readFileSync(value.slice(1), "utf8").split("\n") : value.split(",")
    )
      .map((entry) => entry.trim())
      .filter((entry) => entry !== "");
    const users = entries.map((entry, i) => {
      const [, name = "", right, secret = ""] = ENTRY.exec(entry) ?? [];
      // What is wrong with an entry must not show its secret.
      if (right === undefined) throw new Error(`entry ${i + 1} is not name:read:secret or name:write:secret`);
      const verifier = parseVerifier(secret);
      if (verifier === undefined && secret.length < leastPassword)
        throw new Error(
          `the password of ${JSON.stringify(name)} is shorter than ${leastPassword}: make one with openssl rand -base64 24`,
        );
      let made: Promise<ScramVerifier> | undefined;
      return {
        name,
        right: right as ConsoleRight,
        verifier: () => {
          made ??= verifier === undefined ? makeVerifier(secret) : Promise.resolve(verifier);
          return made;
        },
      };
    });
    const names = users.map(({ name }) => name);
    const twice = names.find((name, i) => names.indexOf(name) !== i);
    if (twice !== undefined) throw new Error(`names ${JSON.stringify(twice)} twice`);
    return users;
  };
}
