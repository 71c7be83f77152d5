import { describe, expect, it } from "vitest";
import { workerEnvironment } from "./worker-environment.js";

describe("the environment of a worker", () => {
  it("has more threads than libuv's four, and as many as the operator says", () => {
    expect(workerEnvironment({})).toEqual({ UV_THREADPOOL_SIZE: "16" });
    expect(workerEnvironment({ UV_THREADPOOL_SIZE: "8" })).toEqual({ UV_THREADPOOL_SIZE: "8" });
  });
});
