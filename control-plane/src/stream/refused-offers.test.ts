import { beforeEach, describe, expect, it } from "vitest";
import type { PublishedDelta, PublishedSnapshot } from "../publishing/index.js";
import { RefusedOffers } from "./refused-offers.js";

function state(generation: number) {
  return { epoch: 1n, generation: BigInt(generation), stateRoot: Buffer.alloc(32, generation) };
}

function delta(to: number): PublishedDelta {
  return { ...state(to), envelope: Buffer.from(`delta to ${to}`) };
}

function snapshot(of: number, manifest = "as it is"): PublishedSnapshot {
  const envelope = Buffer.from(`snapshot of ${of} ${manifest}`);
  return { ...state(of), scope: "region:here", envelope, async *chunks() {} };
}

describe("what a data plane has refused", () => {
  let refused: RefusedOffers;
  beforeEach(() => {
    refused = new RefusedOffers();
  });

  it("is not for it, also when more was sent behind it, while another manifest of the same state is", () => {
    for (const offer of [snapshot(5), delta(6), delta(7)]) refused.sending(offer);
    expect([5, 6, 7].map((of) => refused.refused(state(of), state(1)))).toEqual([false, false, true]);
    expect(refused.includes(snapshot(5))).toBe(true);
    expect(refused.includes(snapshot(5, "an operator has allowed it"))).toBe(false);
    expect(refused.includes(snapshot(7))).toBe(false);
    expect([delta(6), delta(8)].map((offer) => refused.includes(offer))).toEqual([true, false]);
  });

  it("is for it again when it holds something else, or trusts other keys", () => {
    refused.sending(delta(2));
    refused.refused(state(2), state(1));
    refused.forget();
    expect(refused.includes(delta(2))).toBe(false);
    refused.refused(state(2), state(1));
    refused.sending(delta(4));
    refused.refused(state(4), state(3));
    expect([delta(2), delta(4)].map((offer) => refused.includes(offer))).toEqual([false, true]);
  });

  it("is bounded, whatever it says that it has refused", () => {
    refused.sending(delta(300));
    for (let of = 1; of < 300; of += 1) refused.refused(state(of), state(0));
    expect(refused.refused(state(300), state(0))).toBe(true);
    expect(refused.includes(delta(300))).toBe(false);
  });
});
