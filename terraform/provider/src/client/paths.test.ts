import { describe, expect, it } from "vitest";
import { httpCaller } from "./http-call.js";
import { clusterPath, tenantPath, userPath } from "./paths.js";

describe("a path of the API", () => {
  it("has every name as one segment, whatever is in it", () => {
    expect(userPath("a", "o'b/c?d#e%2e...")).toBe("/api/tenants/a/users/o'b%2Fc%3Fd%23e%252e...");
  });

  it.each(["", ".", ".."])("is not made of a name that would be a step of it: %j", (name) => {
    for (const path of [() => tenantPath(name), () => userPath("a", name), () => clusterPath(name)]) {
      expect(path).toThrow("A name that cannot be asked for");
    }
  });

  it.each([
    "/api/tenants/a/users/..",
    "/api/tenants/a/users/%2E%2e",
    "/api/./tenants",
    "//other/api",
  ])("is not sent where a URL would make another one of it: %s", async (path) => {
    const call = httpCaller("http://127.0.0.1:1", undefined);
    const sent = call({ method: "DELETE", path, headers: {}, body: undefined, timeoutMs: 1000 });
    await expect(sent).rejects.toThrow("would be sent as");
  });
});
