import { describe, expect, it } from "vitest";
import { ReportedParameters } from "./reported-parameters.js";

describe("ReportedParameters", () => {
  it("are as said last", () => {
    const parameters = new ReportedParameters([["TimeZone", "UTC"]]);
    for (let i = 0; i < 100_000; i++) parameters.set("TimeZone", `Mars/${i}`);
    parameters.set("is_superuser", "on");
    expect([...parameters.values]).toEqual([
      ["TimeZone", "Mars/99999"],
      ["is_superuser", "on"],
    ]);
  });

  it.each([
    { what: "names", most: 200, value: "x" },
    { what: "bytes", most: 65, value: "x".repeat(1000) },
  ])("have an end of their $what", ({ most, value }) => {
    const parameters = new ReportedParameters();
    for (let i = 0; i < most; i++) parameters.set(`p${i}`, value);
    expect(() => parameters.set("one_more", value)).toThrow("too many parameters from the server");
    expect(parameters.values.size).toBe(most);
  });

  it("count a value that is said again once", () => {
    const parameters = new ReportedParameters();
    for (let i = 0; i < 100; i++) parameters.set("a", "x".repeat(60_000));
    expect(() => parameters.set("a", "x".repeat(70_000))).toThrow("too many parameters");
  });
});
