import { describe, expect, it } from "vitest";
import { NamedPlaces } from "./named-places.js";

/** How many of so many a tenant gets. */
const taken = (places: NamedPlaces, tenant: string, count: number, reached = true): number =>
  Array.from({ length: count }, () => places.take({ tenant, reached })).filter(Boolean).length;

describe("places in time series", () => {
  it("are a quarter for one tenant at most", () => {
    const places = new NamedPlaces(40);
    expect(taken(places, "a", 100)).toBe(10);
    expect(taken(places, "b", 100)).toBe(10);
    expect(places.take({ tenant: "c", reached: false })).toBe(true);
  });

  it("are given to ten pools of a tenant that never had a server", () => {
    const places = new NamedPlaces(1000);
    expect(taken(places, "a", 100, false)).toBe(10);
    places.reached("a");
    expect(taken(places, "a", 100, false)).toBe(1);
    expect(taken(places, "a", 100)).toBe(100);
  });

  it("are there for others once they are free", () => {
    const places = new NamedPlaces(1);
    expect(taken(places, "a", 1, false)).toBe(1);
    expect(taken(places, "b", 1)).toBe(0);
    places.free({ tenant: "a", reached: false });
    expect(taken(places, "b", 1)).toBe(1);
  });

  it("are none where none is wanted", () => {
    expect(taken(new NamedPlaces(0), "a", 1)).toBe(0);
  });
});
