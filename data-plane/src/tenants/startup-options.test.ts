import { describe, expect, it } from "vitest";
import { parseStartupOptions } from "./startup-options.js";

const options = (text: string) => Object.fromEntries(parseStartupOptions(text));

describe("startup options", () => {
  it("are read in each form that PostgreSQL reads", () => {
    expect(options("-c a=1 -cb=2 --c-d=3")).toEqual({ a: "1", b: "2", c_d: "3" });
  });

  it("may name the tenant without a dash, and with an equals sign that was encoded", () => {
    expect(options("reference=t")).toEqual({ reference: "t" });
    expect(options("reference%3Dt")).toEqual({ reference: "t" });
  });

  it("may join ours with an ampersand, which means nothing in a setting's value", () => {
    expect(options("reference=c&type=read -c a=x&y --b=1&2")).toEqual({
      reference: "c",
      type: "read",
      a: "x&y",
      b: "1&2",
    });
  });

  it("take the character behind a backslash as it is", () => {
    expect(options("-c a=x\\ y -c b=\\\\")).toEqual({ a: "x y", b: "\\" });
  });

  it("leave out what is no setting", () => {
    expect(options("  -B 5 -c  -c =x ")).toEqual({});
    expect(options("")).toEqual({});
  });
});
