import { FakeClock } from "@sluice/shared/time";
import { describe, expect, it } from "vitest";
import { sampleTenant } from "../tenants/sample-tenant.js";
import type { ToPrimary } from "./messages.js";
import { RemoteVerifiers } from "./remote-verifiers.js";

const TENANT = sampleTenant({ id: "acme" });
const MD5 = { kind: "md5", hash: "md5-of-alice" } as const;

function start() {
  const clock = new FakeClock();
  const asked: (ToPrimary & { readonly kind: "verifier-wanted" })[] = [];
  const verifiers = new RemoteVerifiers((message) => {
    if (message.kind === "verifier-wanted") asked.push(message);
  }, clock);
  const answer = (at: number, found: typeof MD5 | undefined, freshForMs: number): void =>
    verifiers.answered({ kind: "verifier", id: asked[at]?.id ?? -1, outcome: { found, freshForMs } });
  return { clock, asked, verifiers, answer };
}

describe("RemoteVerifiers", () => {
  it("ask the primary once for all who come until it has answered, and for as long as the answer is fresh", async () => {
    const { clock, asked, verifiers, answer } = start();
    const storm = Array.from({ length: 5 }, () => verifiers.find(TENANT, "alice"));
    answer(0, MD5, 3000);
    expect(await Promise.all(storm)).toEqual(Array.from({ length: 5 }, () => MD5));
    clock.advance(2999);
    expect(await verifiers.find(TENANT, "alice")).toEqual(MD5);
    expect(asked).toHaveLength(1);

    clock.advance(1);
    const later = verifiers.find(TENANT, "alice");
    expect(asked).toHaveLength(2);
    answer(1, undefined, 3000);
    expect(await later).toBeUndefined();
  });

  it("ask again after a failed login of the user, and after a change of the tenant", async () => {
    const { asked, verifiers, answer } = start();
    const first = verifiers.find(TENANT, "alice");
    answer(0, MD5, 5000);
    await first;
    verifiers.outdated("acme", "bob");
    await verifiers.find(TENANT, "alice");
    expect(asked).toHaveLength(1);

    verifiers.outdated("acme", "alice");
    const second = verifiers.find(TENANT, "alice");
    expect(asked).toHaveLength(2);
    answer(1, MD5, 5000);
    await second;

    void verifiers.find({ ...TENANT, revision: TENANT.revision + 1 }, "alice");
    expect(asked).toHaveLength(3);
  });

  it("do not give an answer to those who come after it was outdated on its way", async () => {
    const { asked, verifiers, answer } = start();
    const before = verifiers.find(TENANT, "alice");
    verifiers.outdated("acme", "alice");
    const after = verifiers.find(TENANT, "alice");
    expect(asked).toHaveLength(2);
    answer(0, MD5, 5000);
    answer(1, undefined, 5000);
    expect([await before, await after]).toEqual([MD5, undefined]);
    expect(await verifiers.find(TENANT, "alice")).toBeUndefined();
    expect(asked).toHaveLength(2);
  });

  it("keep no failure, and no answer that is not fresh any more when it comes", async () => {
    const { asked, verifiers, answer } = start();
    const failing = verifiers.find(TENANT, "alice");
    verifiers.answered({
      kind: "verifier",
      id: asked[0]?.id ?? -1,
      outcome: { failed: "the database is away" },
    });
    await expect(failing).rejects.toThrow("the database is away");
    const stale = verifiers.find(TENANT, "alice");
    answer(1, MD5, 0);
    expect(await stale).toEqual(MD5);
    void verifiers.find(TENANT, "alice");
    expect(asked).toHaveLength(3);
  });

  it("hold no more than 10,000 names, whoever makes them up", async () => {
    const { asked, verifiers, answer } = start();
    const first = verifiers.find(TENANT, "alice");
    answer(0, MD5, 5000);
    await first;
    for (let i = 0; i < 10_000; i++) {
      const made = verifiers.find(TENANT, `made-up-${i}`);
      answer(asked.length - 1, undefined, 5000);
      await made;
    }
    void verifiers.find(TENANT, "alice");
    expect(asked).toHaveLength(10_002);
  });
});
