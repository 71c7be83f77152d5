import { describe, expect, it } from "vitest";
import { summaryOf } from "./query-spans.js";

describe("the name of a statement's span", () => {
  it.each([
    ["SELECT 1", "SELECT", undefined],
    ['  insert INTO "sluice"."tenants"("name") VALUES ($1)', "INSERT", "tenants"],
    ["WITH taken AS (UPDATE sluice.fleet SET generation = 1) SELECT 1", "WITH", "fleet"],
    ["COMMIT", "COMMIT", undefined],
    ["/* 1 */", "QUERY", undefined],
  ])("of %s holds nothing that was given", (query, operation, table) => {
    expect(summaryOf(query)).toEqual({ operation, table });
  });
});
