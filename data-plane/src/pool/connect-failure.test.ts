import { describe, expect, it } from "vitest";
import { ServerAuthFailure } from "../auth/index.js";
import { ServerError, ServerGone } from "../server/index.js";
import { UpstreamUnreachable } from "../transport/index.js";
import { connectFailureOf } from "./connect-failure.js";

const said = (sqlstate: string): ServerError =>
  new ServerError(
    new Map([
      ["C", sqlstate],
      ["M", "x"],
    ]),
  );

describe("why a server could not be had", () => {
  it.each([
    ["nobody answers", new UpstreamUnreachable("connection refused", undefined, undefined, true)],
    ["its certificate is another's", new UpstreamUnreachable("tls")],
    ["it goes away meanwhile", new ServerGone("x")],
    ["it starts", said("57P03")],
    ["it is full", said("53300")],
    ["an error of ours", new Error("x")],
  ])("is that it cannot be reached: %s", (_, error) => {
    expect(connectFailureOf(error)).toBe("unreachable");
  });

  it.each([
    ["the server says so", said("28P01")],
    ["it does not prove that it knows it", new ServerAuthFailure("x")],
  ])("is the tenant's password: %s", (_, error) => {
    expect(connectFailureOf(error)).toBe("login");
  });

  it.each([
    ["a database that is not there", "3D000"],
    ["one that the user may not use", "42501"],
    ["no entry in pg_hba.conf", "28000"],
    ["a database that takes no connections", "55000"],
  ])("may be what a client asked for: %s", (_, sqlstate) => {
    expect(connectFailureOf(said(sqlstate))).toBe("refused");
  });
});
