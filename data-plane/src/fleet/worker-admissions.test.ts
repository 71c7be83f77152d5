import { FakeClock } from "@sluice/shared/time";
import { describe, expect, it } from "vitest";
import { sampleTenant } from "../tenants/index.js";
import type { ToPrimary } from "./messages.js";
import { WorkerAdmissions } from "./worker-admissions.js";

const GROUP = "192.0.2.1";

class Rig {
  readonly clock = new FakeClock();
  readonly sent: ToPrimary[] = [];
  readonly admissions = new WorkerAdmissions({
    clock: this.clock,
    send: (message) => this.sent.push(message),
    tenant: () => sampleTenant({ defaultMaxClients: 1000 }),
    mostUnauthenticated: 10,
    mostUnauthenticatedPerAddress: 10,
  });

  /** Welcomed by the primary, with places ahead. */
  async first(ahead: number): Promise<void> {
    const settled = this.logIn();
    this.answer({ ahead });
    await settled;
  }

  logIn(accepted = true, group = GROUP) {
    return this.admissions.settle({ tenant: "t", user: "u", group, accepted });
  }

  answer(room: { ahead: number } | undefined): void {
    const asked = this.sent.at(-1);
    if (asked?.kind === "login")
      this.admissions.settled(asked.id, "t", { kind: "welcome", countedAs: undefined }, room);
  }

  get asked(): number {
    return this.sent.filter(({ kind }) => kind === "login").length;
  }
}

describe("logins at a worker", () => {
  it("ask the primary once, and then only when there are no places left", async () => {
    const rig = new Rig();
    await rig.first(1);
    expect(await rig.logIn()).toEqual({ kind: "welcome", countedAs: undefined });
    expect(rig.asked).toBe(1);
    rig.admissions.left("t", undefined);
    await rig.logIn();
    expect(rig.asked).toBe(1);
    const waits = rig.logIn();
    expect(rig.asked).toBe(2);
    rig.answer(undefined);
    expect((await waits).kind).toBe("welcome");
    expect(rig.sent.filter(({ kind }) => kind === "clients-left")).toEqual([]);
  });

  it("are the primary's affair as soon as their address has failed here or elsewhere, until that is forgotten", async () => {
    const rig = new Rig();
    await rig.first(10);
    const wrong = rig.logIn(false);
    expect(rig.asked).toBe(2);
    const right = rig.logIn();
    expect(rig.asked).toBe(3);
    expect((await rig.logIn(true, "192.0.2.2")).kind).toBe("welcome");
    expect(rig.asked).toBe(3);
    rig.admissions.suspected("t", "192.0.2.2", 1000);
    const other = rig.logIn(true, "192.0.2.2");
    expect(rig.asked).toBe(4);
    for (const login of [wrong, right, other]) login.catch(() => undefined);
    rig.clock.advance(150_000);
    await rig.first(10);
    const before = rig.asked;
    expect((await rig.logIn()).kind).toBe("welcome");
    expect(rig.asked).toBe(before);
  });

  it("that nobody waits for any more give their place back", async () => {
    const rig = new Rig();
    const late = rig.logIn();
    const asked = rig.sent.at(-1);
    rig.clock.advance(10_000);
    await expect(late).rejects.toThrow("deadline");
    if (asked?.kind === "login")
      rig.admissions.settled(asked.id, "t", { kind: "welcome", countedAs: undefined }, undefined);
    expect(rig.sent.at(-1)).toEqual({ kind: "clients-left", tenant: "t", countedAs: undefined, count: 1 });
  });
});
