import { type Clock, Deadline } from "@sluice/shared/time";
import { describe, expect, it } from "vitest";
import { Api } from "./api.js";
import { ApiNotUnderstood, ApiRefused, ApiUnreachable } from "./api-failure.js";
import type { HttpAnswer, HttpCall, HttpRequest } from "./http-call.js";
import { poolerUri } from "./pooler.js";
import { Sluice } from "./sluice.js";

const START_MS = Date.parse("2026-11-25T12:00:00Z");

/** Time passes only where somebody waits for it, and then at once. */
class WaitingClock implements Clock {
  #nowMs = START_MS;
  readonly delays: number[] = [];

  now = (): number => this.#nowMs;
  monotonic = (): number => this.#nowMs;

  schedule(delayMs: number, call: () => void) {
    this.delays.push(delayMs);
    this.#nowMs += delayMs;
    queueMicrotask(call);
    return { cancel: () => undefined };
  }
}

const answer = (status: number, body: unknown = {}, headers: HttpAnswer["headers"] = {}): HttpAnswer => ({
  status,
  headers,
  text: typeof body === "string" ? body : JSON.stringify(body),
});

/** An API that gives these answers, one after the other; an Error is no answer. */
function scripted(...answers: readonly (HttpAnswer | Error)[]) {
  const clock = new WaitingClock();
  const heard: (() => void)[] = [];
  const requests: HttpRequest[] = [];
  const call: HttpCall = (request) => {
    const next = answers[Math.min(requests.length, answers.length - 1)];
    requests.push(request);
    for (const hear of heard) hear();
    if (next === undefined || next instanceof Error) return Promise.reject(next ?? new Error("no answer"));
    return Promise.resolve(next);
  };
  const options = {
    endpoint: "http://x/",
    token: "t",
    call,
    requestTimeoutMs: 5000,
    retryTimeoutMs: 60_000.5,
    clock,
  };
  return { api: new Api(options), sluice: new Sluice(options, undefined), clock, requests, heard };
}

describe("the client of the API", () => {
  it("waits as long as Retry-After says, in seconds or until a date", async () => {
    const date = new Date(START_MS + 17_000).toUTCString();
    const { api, clock, requests } = scripted(
      answer(429, { error: "too many" }, { "retry-after": "7" }),
      answer(503, { error: "away" }, { "retry-after": date }),
      answer(200, { data: 1 }),
    );
    expect((await api.send({ method: "GET", path: "/api/x" })).data).toEqual({ data: 1 });
    expect(clock.delays).toEqual([7000, 10_000]);
    expect(requests).toHaveLength(3);
  });

  it("gives up when it would have to wait longer than it may, with what was answered", async () => {
    const { api, requests } = scripted(answer(429, { error: "too many" }, { "retry-after": "61" }));
    await expect(api.send({ method: "GET", path: "/" })).rejects.toMatchObject({
      status: 429,
      message: "too many",
    });
    expect(requests).toHaveLength(1);
  });

  it("sends a request again that got no answer, a few times, and then says where it asked", async () => {
    const lost = scripted(new Error("ECONNRESET"), answer(200));
    await lost.api.send({ method: "PUT", path: "/api/x", body: { a: 1 } });
    expect(lost.requests.map(({ body }) => body)).toEqual(['{"a":1}', '{"a":1}']);
    const { api, requests } = scripted(new Error("ECONNREFUSED"));
    const failure = await api.send({ method: "GET", path: "/api/x" }).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(ApiUnreachable);
    expect((failure as ApiUnreachable).url).toBe("http://x/api/x");
    expect(requests).toHaveLength(5);
  });

  it("waits for nothing any more once it is interrupted, and finishes what is under way", async () => {
    const { sluice, clock, requests, heard } = scripted(
      answer(503, { error: "away" }, { "retry-after": "7" }),
    );
    heard.push(() => sluice.interrupt());
    await expect(sluice.tenants.find("/api/tenants/a")).rejects.toMatchObject({ message: "away" });
    expect([requests.length, clock.delays]).toEqual([1, []]);
    const progress = scripted(answer(200, { data: { pending: 1 } }));
    progress.heard.push(() => progress.sluice.interrupt());
    const { fleet } = progress.sluice;
    const look = async (): Promise<undefined> => void (await fleet.progress(1));
    expect(await fleet.until(look, Deadline.after(progress.clock, 60_000))).toBeUndefined();
    expect([progress.requests.length, fleet.isInterrupted]).toEqual([1, true]);
  });

  it("does not repeat what was refused for good", async () => {
    const { api, requests } = scripted(
      answer(422, { errors: { db_port: ["must be at least 1"] } }, { "x-request-id": "r1" }),
    );
    const failure = await api.send({ method: "PUT", path: "/" }).catch((error: unknown) => error);
    expect(failure).toMatchObject({
      status: 422,
      fields: { db_port: ["must be at least 1"] },
      requestId: "r1",
    });
    expect(failure).toBeInstanceOf(ApiRefused);
    expect(requests).toHaveLength(1);
  });

  it("says so when it is not the API that answers", async () => {
    const page = scripted(answer(404, "<html>nginx</html>"));
    await expect(page.api.send({ method: "GET", path: "/" })).rejects.toThrow(ApiNotUnderstood);
    const odd = scripted(answer(200, "<html>welcome</html>"));
    await expect(odd.api.send({ method: "GET", path: "/" })).rejects.toThrow("is it a control plane?");
  });

  it("gives whole milliseconds to each request, never more than are left", async () => {
    const { api, requests } = scripted(answer(429, {}, { "retry-after": "58" }), answer(200));
    await api.send({ method: "GET", path: "/" });
    expect(requests.map(({ timeoutMs }) => timeoutMs)).toEqual([5000, 2001]);
  });

  it("takes a thing that is not there for undefined, and sends conditions along", async () => {
    const { sluice, requests } = scripted(
      answer(404, { error: "not found" }),
      answer(201, { data: { id: "1" } }, { etag: '"v1"', "sluice-generation": "17" }),
      answer(204, ""),
    );
    const { tenants } = sluice;
    expect(await tenants.find("/api/tenants/a")).toBeUndefined();
    const made = await tenants.put("/api/tenants/a", { db_port: 1 }, { absent: true });
    expect(made).toMatchObject({ etag: '"v1"', generation: 17 });
    await tenants.remove("/api/tenants/a", made.etag);
    expect(requests.map(({ headers }) => [headers["if-none-match"], headers["if-match"]])).toEqual([
      [undefined, undefined],
      ["*", undefined],
      [undefined, '"v1"'],
    ]);
    expect(requests[1]?.headers.authorization).toBe("Bearer t");
  });
});

describe("a URI of the pooler", () => {
  it("encodes what would be taken for its parts", () => {
    const login = { tenant: "t", database: "a/b", user: "u@x", password: "p:/?#[]@%" };
    const uri = poolerUri("::1", 6543, login);
    expect(uri).toBe("postgresql://u%40x.t:p%3A%2F%3F%23%5B%5D%40%25@[::1]:6543/a%2Fb");
    const { username, password, pathname } = new URL(uri);
    expect([username, password, pathname].map(decodeURIComponent)).toEqual(["u@x.t", "p:/?#[]@%", "/a/b"]);
  });

  it("names the tenant in its options where the client names the user", () => {
    const uri = poolerUri("db.example.com", 5432, { tenant: "t", database: "d" });
    expect(uri).toBe("postgresql://db.example.com:5432/d?options=reference%3Dt");
  });
});
