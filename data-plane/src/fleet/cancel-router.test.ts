import { silentLogger } from "@sluice/shared/observability";
import { FakeClock } from "@sluice/shared/time";
import { describe, expect, it } from "vitest";
import { type CancelKey, CancelKeys, type PeersAnswer } from "../cancel/index.js";
import { CancelRouter } from "./cancel-router.js";

const NODE = 3;
const stranger = { address: { ip: "192.0.2.1", group: "192.0.2.1" }, passedOn: false };
const peer = { address: { ip: "198.51.100.1", group: "198.51.100.1" }, passedOn: true };
const claimsToBePeer = { ...stranger, passedOn: true };

function keyOf(node: number): CancelKey {
  return new CancelKeys<object>(node, 0).issue({});
}

/** A router that has one worker, and peers that answer so. */
function routerWith(answer: PeersAnswer) {
  const asked: number[] = [];
  const forwarded: CancelKey[] = [];
  const router = new CancelRouter({
    node: NODE,
    clock: new FakeClock(),
    logger: silentLogger,
    peers: {
      knows: (ip) => ip === peer.address.ip,
      forward: (key) => {
        forwarded.push(key);
        return Promise.resolve(answer);
      },
    },
    ask: (worker, id) => {
      if (worker !== 0) return false;
      asked.push(id);
      return true;
    },
  });
  /** @returns what the sender is told */
  const request = async (
    key: CancelKey,
    origin: typeof stranger,
    found = false,
  ): Promise<boolean | "nothing" | "no answer"> => {
    let told: boolean | "nothing" | "no answer" = "no answer";
    router.requested({
      key,
      origin,
      tell: (answered) => {
        told = answered ?? "nothing";
      },
    });
    for (const id of asked.splice(0)) router.answered(id, found);
    // The peers answer in a later turn.
    await new Promise((resolve) => setImmediate(resolve));
    return told;
  };
  return { router, request, forwarded };
}

/** Of 30 requests those that were looked at: one that guesses is braked after 20. */
async function lookedAt(node: number, answer: PeersAnswer): Promise<number> {
  const { request, forwarded } = routerWith(answer);
  for (let i = 0; i < 30; i++) await request(keyOf(node), stranger);
  return forwarded.length;
}

describe("cancel requests in the primary", () => {
  it("count as guesses when neither this data plane nor any peer has the key, whichever node it names", async () => {
    expect(await lookedAt(NODE, "nobody")).toBe(20);
    expect(await lookedAt(NODE + 1, "nobody")).toBe(20);
  });

  it("are no guesses when a peer has the key, also where it has the same node number", async () => {
    expect(await lookedAt(NODE, "found")).toBe(30);
    expect(await lookedAt(NODE + 1, "found")).toBe(30);
  });

  it("for another node are no guesses when a peer could not be asked", async () => {
    expect(await lookedAt(NODE + 1, "unknown")).toBe(30);
    expect(await lookedAt(NODE, "unknown")).toBe(20);
  });

  it("of peers are answered and go no further", async () => {
    const { request, forwarded } = routerWith("found");
    expect(await request(keyOf(NODE), peer, true)).toBe(true);
    expect(await request(keyOf(NODE), peer, false)).toBe(false);
    expect(await request(keyOf(NODE + 1), peer)).toBe(false);
    expect(forwarded).toEqual([]);
  });

  it("of a stranger who says it is a peer are not answered, go no further, and are counted", async () => {
    const { request, forwarded, router } = routerWith("found");
    expect(await request(keyOf(NODE), claimsToBePeer, true)).toBe("nothing");
    for (let i = 0; i < 20; i++) expect(await request(keyOf(NODE), claimsToBePeer)).toBe("nothing");
    let asked = false;
    router.requested({ key: keyOf(NODE), origin: stranger, tell: () => (asked = true) });
    expect([asked, forwarded]).toEqual([true, []]);
  });
});
