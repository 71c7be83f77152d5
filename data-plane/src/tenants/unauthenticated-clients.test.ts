import { describe, expect, it } from "vitest";
import { TooManyUnauthenticated } from "./admission-failure.js";
import { UnauthenticatedClients } from "./unauthenticated-clients.js";

describe("clients that have not logged in", () => {
  it("are at most so many in all, and make room when they end, however often", () => {
    const clients = new UnauthenticatedClients(2, 100);
    const first = clients.arrive();
    clients.arrive();
    expect(() => clients.arrive()).toThrow(TooManyUnauthenticated);
    first.end();
    first.end();
    clients.arrive();
    expect(() => clients.arrive()).toThrow(TooManyUnauthenticated);
    expect(clients.total).toBe(2);
  });

  it("are at most so many from one address, and any number from behind a balancer", () => {
    const clients = new UnauthenticatedClients(100, 1);
    const first = clients.arrive();
    first.from("192.0.2.1");
    first.from("192.0.2.1");
    expect(() => clients.arrive().from("192.0.2.1")).toThrow(TooManyUnauthenticated);
    clients.arrive().from("192.0.2.2");
    clients.arrive().from(undefined);
    clients.arrive().from(undefined);
    first.end();
    clients.arrive().from("192.0.2.1");
  });
});
