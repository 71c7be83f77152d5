import { describe, expect, it } from "vitest";
import { parameterStatus } from "../wire/index.js";
import { greetingBytes } from "./greeting.js";

const PARAMETERS = new Map([
  ["TimeZone", "UTC"],
  ["application_name", "the server's"],
  ["client_encoding", "UTF8"],
]);
const messagesOf = (entries: Iterable<readonly [string, string]>): Buffer =>
  Buffer.concat([...entries].map(([name, value]) => parameterStatus(name, value)));

describe("the ParameterStatus messages of a greeting", () => {
  it("come in the server's order, with the client's application_name where the server's would be", () => {
    for (const applicationName of [undefined, "web", "", "another"]) {
      const told = new Map(PARAMETERS);
      if (applicationName !== undefined) told.set("application_name", applicationName);
      const bytes = greetingBytes({ parameters: PARAMETERS, applicationName });
      expect(Buffer.concat(bytes)).toEqual(messagesOf(told));
    }
  });

  it("have an application_name behind them that the server does not report, and none where nobody gave one", () => {
    const parameters = new Map([["TimeZone", "UTC"]]);
    expect(Buffer.concat(greetingBytes({ parameters }))).toEqual(messagesOf(parameters));
    expect(Buffer.concat(greetingBytes({ parameters, applicationName: "web" }))).toEqual(
      messagesOf([...parameters, ["application_name", "web"]]),
    );
  });
});
