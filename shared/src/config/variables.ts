import { readFileSync } from "node:fs";
import type { Variable } from "./environment.js";

/** Text, with a default, or unset. */
export function text(fallback: string): Variable<string>;
export function text(): Variable<string | undefined>;
export function text(fallback?: string): Variable<string | undefined> {
  return (value) => value ?? fallback;
}

/** Text that must be there; `how` tells where it comes from. */
export function required(how: string): Variable<string> {
  return (value) => {
    if (value === undefined) throw new Error(`must be set: ${how}`);
    return value;
  };
}

export function integer(fallback: number, least: number, most: number): Variable<number> {
  return (value) => {
    if (value === undefined) return fallback;
    const number = Number(value);
    if (!/^-?\d+$/.test(value) || !Number.isSafeInteger(number) || number < least || number > most) {
      throw new Error(`must be a whole number from ${least} to ${most}, not ${JSON.stringify(value)}`);
    }
    return number;
  };
}

/** A TCP port; 0 lets the system choose. */
export function port(fallback: number): Variable<number> {
  return integer(fallback, 0, 65_535);
}

/** `true|1|false|0`, as Supavisor reads them. */
export function flag(fallback: boolean): Variable<boolean> {
  return (value) => {
    switch (value) {
      case undefined:
        return fallback;
      case "true":
      case "1":
        return true;
      case "false":
      case "0":
        return false;
      default:
        throw new Error(`must be true, 1, false or 0, not ${JSON.stringify(value)}`);
    }
  };
}

export function oneOf<const T extends string>(choices: readonly T[], fallback: T): Variable<T> {
  return (value) => {
    if (value === undefined) return fallback;
    const choice = choices.find((candidate) => candidate === value);
    if (choice === undefined) {
      throw new Error(
        `must be ${choices.map((c) => JSON.stringify(c)).join(" or ")}, not ${JSON.stringify(value)}`,
      );
    }
    return choice;
  };
}

/** `@path` stands for what the file holds, without blanks at its ends: secrets come as files where there is a store for them. */
export function orFile<T>(variable: Variable<T>): Variable<T> {
  return (value, name) => {
    if (value?.startsWith("@") !== true) return variable(value, name);
    const path = value.slice(1);
    let held: string;
    try {
      held = readFileSync(path, "utf8").trim();
    } catch (error) {
      throw new Error(`@${path} cannot be read: ${error instanceof Error ? error.message : String(error)}`);
    }
    if (held === "") throw new Error(`@${path} is empty`);
    return variable(held, name);
  };
}

/** Items parted by commas, blanks around them dropped, empty ones too. */
export function list(): Variable<readonly string[]> {
  return (value) =>
    (value ?? "")
      .split(",")
      .map((item) => item.trim())
      .filter((item) => item !== "");
}

const RAW_KEY_BYTES = 32;

/** Raw 32-byte public keys in base64, parted by commas, or `@path` of a file with one a line. At least one. */
export function base64Keys(what: string): Variable<readonly Uint8Array[]> {
  return (value) => {
    if (value === undefined) throw new Error(`must hold one or more ${what}, base64 of 32 bytes each`);
    const listed = value.startsWith("@")
      ? readFileSync(value.slice(1), "utf8").split("\n")
      : value.split(",");
    const keys = listed
      .map((item) => item.trim())
      .filter((item) => item !== "")
      .map((item) => Buffer.from(item, "base64"));
    if (keys.length === 0 || keys.some((key) => key.length !== RAW_KEY_BYTES)) {
      throw new Error(`must hold one or more ${what}, base64 of 32 bytes each`);
    }
    return keys;
  };
}
