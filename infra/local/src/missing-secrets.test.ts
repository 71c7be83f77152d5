import { describe, expect, it } from "vitest";
import { missingSecrets, type SecretFile, SecretTakenAway } from "./missing-secrets.js";

const file = (path: string, ...from: readonly SecretFile[]): SecretFile => ({
  path,
  from,
  mode: 0o400,
  make: () => undefined,
});

describe("missing secrets", () => {
  const key = file("operator/key");
  const known = file("operator/known", key);
  const trusted = file("plane/trusted", known);
  const token = file("plane/token", key);
  const all = [key, known, trusted, token];
  const missing = (...there: readonly SecretFile[]): readonly string[] =>
    missingSecrets(all, [trusted, token], (each) => there.includes(each)).map(({ path }) => path);

  it("are all of them at first, each after what it is from", () => {
    expect(missing()).toEqual(["operator/key", "operator/known", "plane/trusted", "plane/token"]);
  });

  it("are the rest, wherever a run was stopped", () => {
    expect(missing(key)).toEqual(["operator/known", "plane/trusted", "plane/token"]);
    expect(missing(key, known)).toEqual(["plane/trusted", "plane/token"]);
    expect(missing(key, known, trusted)).toEqual(["plane/token"]);
  });

  it("are none when all that is wanted is there, whatever it was made from", () => {
    expect(missing(trusted, token)).toEqual([]);
  });

  it("are not made anew from a key that is in use and elsewhere", () => {
    expect(() => missing(trusted)).toThrow(SecretTakenAway);
    expect(() => missing(trusted)).toThrow(
      /^operator\/key is needed to make plane\/token and is not there, while plane\/trusted comes from it/,
    );
    expect(() => missing(token)).toThrow(SecretTakenAway);
  });
});
