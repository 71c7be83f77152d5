import { Duplex } from "node:stream";
import { silentLogger } from "@sluice/shared/observability";
import { FakeClock } from "@sluice/shared/time";
import { describe, expect, it } from "vitest";
import { gaugeOf, PoolMeter } from "../metrics/index.js";
import { ReportedParameters, ServerConnection, ServerError } from "../server/index.js";
import { type ServerSocket, UpstreamUnreachable } from "../transport/index.js";
import { KnownParameters } from "./known-parameters.js";
import { CLEAN, type Lease } from "./lease.js";
import { LocalPermits } from "./permits.js";
import { Pool } from "./pool.js";
import type { PoolRules } from "./pool-rules.js";

const READY = Buffer.from([0x5a, 0, 0, 0, 5, 0x49]);
const SYNC = 0x53;

/** A socket that says nothing but that it is there; what the pool decides does not depend on bytes. */
class QuietSocket extends Duplex {
  /** The other end has gone without a word. */
  mute = false;
  override _read(): void {}
  override _write(chunk: Buffer, _encoding: unknown, done: () => void): void {
    if (chunk[0] === SYNC && !this.mute) this.push(READY);
    done();
  }
  /** As a server does after Terminate. */
  override _final(done: () => void): void {
    done();
    this.destroy();
  }
  setTimeout(): this {
    return this;
  }
  readonly remoteAddress = "10.0.0.1";
}

class Rig {
  readonly clock = new FakeClock();
  readonly permits: LocalPermits;
  readonly rules: PoolRules;
  readonly pool: Pool;
  readonly meter: PoolMeter;
  readonly known = new KnownParameters();
  readonly opened: ServerConnection[] = [];
  failure: Error | undefined;
  attempts = 0;
  /** While set, connecting waits for `open`. */
  #gate: Promise<void> = Promise.resolve();
  open: () => void = () => undefined;

  constructor(limit: number, mode: "transaction" | "session" = "transaction") {
    this.permits = new LocalPermits(limit);
    this.rules = {
      size: limit,
      minSize: 0,
      idleTimeoutMs: 600_000,
      lifetimeMs: 3_600_000,
      connectTimeoutMs: 15_000,
      checkoutTimeoutMs: 1000,
      reset: "tracked",
      maxPinned: limit,
      pausedUntilMs: 0,
    };
    this.meter = new PoolMeter({ tenant: "t", database: "d", user: "u", mode });
    this.pool = new Pool({
      name: "test",
      mode,
      permits: this.permits,
      clock: this.clock,
      logger: silentLogger,
      rules: this.rules,
      meter: this.meter,
      known: this.known,
      connect: async () => {
        this.attempts += 1;
        await this.#gate;
        if (this.failure !== undefined) throw this.failure;
        const socket = new QuietSocket() as unknown as ServerSocket;
        const server = new ServerConnection(
          socket,
          { pid: this.opened.length + 1, secret: Buffer.alloc(4), parameters: new ReportedParameters() },
          this.clock.monotonic(),
        );
        this.opened.push(server);
        this.known.learn(server.baseline, undefined);
        return { server, cancel: () => Promise.resolve() };
      },
    });
  }

  mute(lease: Lease): void {
    (lease.server.socket as unknown as QuietSocket).mute = true;
  }

  holdConnecting(): void {
    this.#gate = new Promise((resolve) => {
      this.open = resolve;
    });
  }

  get openSockets(): number {
    return this.opened.filter((server) => !server.closed).length;
  }
}

const REFUSED = new UpstreamUnreachable("connection refused", undefined, undefined, true);
const said = (sqlstate: string): ServerError =>
  new ServerError(
    new Map([
      ["S", "FATAL"],
      ["C", sqlstate],
      ["M", "no"],
    ]),
  );

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe("Pool", () => {
  it("opens a server for who asks, keeps it when it comes back, and gives it out again", async () => {
    const { pool, opened } = new Rig(2);
    const first = await pool.checkout(1000);
    first.release(CLEAN);
    expect(pool.takeIdle()).toBe(first);
    expect(opened).toHaveLength(1);
  });

  it("tells its meter what it looks like at the moment it is asked, and not at the last report", async () => {
    const { pool, meter } = new Rig(2);
    const lease = await pool.checkout(1000);
    const { row } = meter.measured();
    expect([gaugeOf(row, "limit"), gaugeOf(row, "servers"), gaugeOf(row, "leased")]).toEqual([2, 1, 1]);
    lease.release(CLEAN);
    expect(gaugeOf(meter.measured().row, "leased")).toBe(0);
  });

  it("never has more servers than permits, and serves waiters in the order they came", async () => {
    const rig = new Rig(2);
    const held = [await rig.pool.checkout(1000), await rig.pool.checkout(1000)];
    const order: number[] = [];
    const waiters = [1, 2, 3].map((n) =>
      rig.pool.checkout(1000).then((lease) => {
        order.push(n);
        return lease;
      }),
    );
    expect(rig.pool.figures).toMatchObject({ open: 2, waiting: 3 });
    for (const lease of held) lease.release(CLEAN);
    (await waiters[0])?.release(CLEAN);
    await Promise.all(waiters);
    expect(order).toEqual([1, 2, 3]);
    expect(rig.opened).toHaveLength(2);
  });

  it("lets nobody overtake those who wait", async () => {
    const { pool } = new Rig(1);
    const lease = await pool.checkout(1000);
    const waiting = pool.checkout(1000);
    lease.release(CLEAN);
    expect(pool.takeIdle()).toBeUndefined();
    expect(await waiting).toBe(lease);
  });

  it("tells a waiter after its time, and only that one", async () => {
    const { pool, clock } = new Rig(1);
    const lease = await pool.checkout(1000);
    const impatient = pool.checkout(50);
    const patient = pool.checkout(5000);
    const refused = expect(impatient).rejects.toMatchObject({ code: "ECHECKOUTTIMEOUT", sqlstate: "53300" });
    clock.advance(50);
    await refused;
    lease.release(CLEAN);
    expect(await patient).toBe(lease);
    clock.advance(5000);
    expect(clock.pendingTimers).toBe(0);
  });

  it("tells each waiter after its own time, whoever came first", async () => {
    const { pool, clock } = new Rig(1);
    const lease = await pool.checkout(1000);
    const told: number[] = [];
    for (const timeoutMs of [300, 100, 200, 100, 50])
      pool.checkout(timeoutMs).catch(() => {
        told.push(timeoutMs);
      });
    for (const upToMs of [50, 100, 200, 300]) {
      clock.advance(upToMs - 1 - (told.at(-1) ?? 0));
      await turn();
      expect(told.at(-1) ?? 0).toBeLessThan(upToMs);
      clock.advance(1);
      await turn();
      expect(told.at(-1)).toBe(upToMs);
    }
    expect(told).toEqual([50, 100, 100, 200, 300]);
    lease.release(CLEAN);
    expect(pool.figures).toMatchObject({ idle: 1, waiting: 0 });
  });

  it("serves whoever waits in the turn in which the server comes back", async () => {
    const { pool } = new Rig(1);
    const lease = await pool.checkout(1000);
    let given: unknown;
    pool.enter({ granted: (server) => (given = server), refused: () => expect.fail() }, 1000);
    lease.release(CLEAN);
    expect(given).toBe(lease);
  });

  it("serves ten thousand who give it back at once in their order, and its stack does not grow with them", async () => {
    const { pool } = new Rig(1);
    const lease = await pool.checkout(1000);
    const order: number[] = [];
    let [inside, deepest] = [0, 0];
    for (let number = 0; number < 10_000; number++)
      pool.enter(
        {
          granted: (server) => {
            inside += 1;
            deepest = Math.max(deepest, inside);
            order.push(number);
            server.release(CLEAN);
            inside -= 1;
          },
          refused: () => expect.fail(),
        },
        1000,
      );
    lease.release(CLEAN);
    await turn();
    expect(order).toEqual(Array.from({ length: 10_000 }, (_, number) => number));
    expect(deepest).toBeLessThan(3);
    expect(pool.figures).toMatchObject({ idle: 1, waiting: 0 });
  });

  it("lets a waiter leave the queue with an error of its own", async () => {
    const { pool } = new Rig(1);
    const lease = await pool.checkout(1000);
    let leave: ((error: never) => void) | undefined;
    const waiting = pool.checkout(1000, (way) => {
      leave = way as typeof leave;
    });
    const canceled = new Error("canceled");
    leave?.(canceled as never);
    await expect(waiting).rejects.toBe(canceled);
    lease.release(CLEAN);
    expect(pool.takeIdle()).toBe(lease);
  });

  it("uses the server that came back last, so that spare ones grow old and are closed", async () => {
    const rig = new Rig(3);
    const leases = await Promise.all([1, 2, 3].map(() => rig.pool.checkout(1000)));
    for (const lease of leases) lease.release(CLEAN);
    for (let turns = 0; turns < 31; turns++) {
      rig.clock.advance(20_000);
      const busy = rig.pool.takeIdle();
      expect(busy).toBe(leases[2]);
      busy?.release(CLEAN);
      rig.pool.reap();
    }
    expect(rig.openSockets).toBe(1);
    expect(rig.pool.figures).toMatchObject({ open: 1, idle: 1 });
  });

  it("ends servers at the end of their lifetime, but not while they are used", async () => {
    const rig = new Rig(1);
    const lease = await rig.pool.checkout(1000);
    rig.clock.advance(2 * 3_600_000);
    rig.pool.reap();
    expect(rig.openSockets).toBe(1);
    lease.release(CLEAN);
    expect(rig.openSockets).toBe(0);
    await rig.pool.checkout(1000);
    expect(rig.opened).toHaveLength(2);
  });

  it("does not end all servers at once that were opened together", async () => {
    const rig = new Rig(40);
    const leases = await Promise.all(Array.from({ length: 40 }, () => rig.pool.checkout(1000)));
    for (const lease of leases) lease.release(CLEAN);
    rig.pool.follow({ ...rig.rules, idleTimeoutMs: 0 });
    const left: number[] = [];
    // Over the last fifth of the lifetime.
    rig.clock.advance(0.8 * 3_600_000 - 1);
    for (let tenth = 0; tenth <= 10; tenth++) {
      rig.pool.reap();
      left.push(rig.openSockets);
      rig.clock.advance(0.02 * 3_600_000 + 1);
    }
    expect(left[0]).toBe(40);
    expect(left.at(-1)).toBe(0);
    const ended = left.slice(1).map((count, at) => (left[at] ?? 0) - count);
    expect(Math.max(...ended)).toBeLessThan(20);
  });

  it("does not give out an idle server that has died", async () => {
    const rig = new Rig(1);
    const lease = await rig.pool.checkout(1000);
    lease.release(CLEAN);
    lease.server.socket.destroy();
    await turn();
    expect(rig.pool.takeIdle()).toBeUndefined();
    expect((await rig.pool.checkout(1000)).server).not.toBe(lease.server);
  });

  it("closes what is over a limit that was lowered, idle ones at once and others as they come back", async () => {
    const rig = new Rig(3);
    const leases = await Promise.all([1, 2, 3].map(() => rig.pool.checkout(1000)));
    leases[0]?.release(CLEAN);
    rig.permits.limit = 1;
    rig.pool.follow({ ...rig.rules, size: 1 });
    expect(rig.openSockets).toBe(2);
    leases[1]?.release(CLEAN);
    expect(rig.openSockets).toBe(1);
    leases[2]?.release(CLEAN);
    expect(rig.openSockets).toBe(1);
  });

  it("opens servers for those who wait when the limit is raised", async () => {
    const rig = new Rig(1);
    await rig.pool.checkout(1000);
    const waiting = rig.pool.checkout(1000);
    rig.permits.limit = 2;
    rig.pool.follow({ ...rig.rules, size: 2 });
    await waiting;
    expect(rig.openSockets).toBe(2);
  });

  it("tells all who wait when nobody can connect, and keeps no permit", async () => {
    const rig = new Rig(2);
    rig.failure = new Error("refused");
    await expect(Promise.all([1, 2, 3].map(() => rig.pool.checkout(1000)))).rejects.toThrow();
    await turn();
    expect(rig.pool.figures).toMatchObject({ open: 0, connecting: 0, waiting: 0 });
    rig.failure = undefined;
    const again = Promise.all([1, 2].map(() => rig.pool.checkout(1000)));
    rig.clock.advance(200);
    expect(await again).toHaveLength(2);
  });

  it("holds a server back while a cancel request for its last holder is on its way", async () => {
    const { pool } = new Rig(1);
    const lease = await pool.checkout(1000);
    const delivered = lease.beginCancel();
    lease.release(CLEAN);
    await turn();
    expect(lease.state).toBe("canceling");
    let next: Lease | undefined;
    const waiting = pool.checkout(1000).then((given) => {
      next = given;
    });
    await turn();
    expect(next).toBeUndefined();
    delivered();
    await waiting;
    expect(next).toBe(lease);
  });

  it("closes a server that is inside a message when it comes back", async () => {
    const rig = new Rig(1);
    const lease = await rig.pool.checkout(1000);
    lease.release({ owed: 0, halfSent: true });
    expect(rig.openSockets).toBe(0);
  });

  it("gives no server out while it is paused, and nobody's time runs out meanwhile", async () => {
    const rig = new Rig(2);
    const idle = await rig.pool.checkout(1000);
    const busy = await rig.pool.checkout(1000);
    idle.release(CLEAN);
    rig.pool.follow({ ...rig.rules, pausedUntilMs: rig.clock.now() + 60_000 });
    expect(rig.openSockets).toBe(1);
    const waiting = rig.pool.checkout(1000);
    busy.release(CLEAN);
    expect(rig.openSockets).toBe(0);
    rig.clock.advance(59_999);
    await turn();
    expect(rig.pool.figures).toMatchObject({ open: 0, waiting: 1 });
    rig.clock.advance(1);
    await waiting;
    expect(rig.opened).toHaveLength(3);
  });

  it("goes on at once when a pause is taken back", async () => {
    const rig = new Rig(1);
    rig.pool.follow({ ...rig.rules, pausedUntilMs: rig.clock.now() + 60_000 });
    const waiting = rig.pool.checkout(1000);
    await turn();
    expect(rig.opened).toHaveLength(0);
    rig.pool.follow(rig.rules);
    await waiting;
    expect(rig.opened).toHaveLength(1);
  });

  it("keeps as many servers as it is told to while it has clients, and no more when it has none", async () => {
    const rig = new Rig(3);
    rig.pool.follow({ ...rig.rules, minSize: 2 });
    rig.pool.reap();
    await turn();
    expect(rig.opened).toHaveLength(0);
    rig.pool.clients = 1;
    rig.pool.reap();
    await turn();
    await turn();
    expect(rig.pool.figures).toMatchObject({ open: 2, idle: 2 });
    rig.clock.advance(700_000);
    rig.pool.reap();
    expect(rig.pool.figures).toMatchObject({ open: 2 });
  });

  it("keeps servers for ever where lifetime and idle timeout are off", async () => {
    const rig = new Rig(1);
    rig.pool.follow({ ...rig.rules, idleTimeoutMs: 0, lifetimeMs: 0 });
    (await rig.pool.checkout(1000)).release(CLEAN);
    rig.clock.advance(100 * 3_600_000);
    rig.pool.reap();
    expect(rig.openSockets).toBe(1);
  });

  it("takes a second release of one lease for nothing", async () => {
    const { pool } = new Rig(1);
    const lease = await pool.checkout(1000);
    lease.release(CLEAN);
    lease.release({ owed: 0, halfSent: true });
    expect(pool.takeIdle()).toBe(lease);
  });

  it("retires: refuses and dismisses who waits, closes idle servers, and leased ones as they come back", async () => {
    const rig = new Rig(2);
    const [idle, busy] = await Promise.all([rig.pool.checkout(1000), rig.pool.checkout(1000)]);
    const waiting = rig.pool.checkout(1000);
    const dismissed = expect(waiting).rejects.toMatchObject({ sqlstate: "57P01" });
    rig.pool.retire();
    await dismissed;
    await expect(rig.pool.checkout(1000)).rejects.toMatchObject({ sqlstate: "57P01" });
    idle.release(CLEAN);
    expect(rig.openSockets).toBe(1);
    busy.release(CLEAN);
    expect(rig.openSockets).toBe(0);
    expect(rig.pool.unused).toBe(true);
  });

  it("closes a server whose login ended after the pool was retired", async () => {
    const rig = new Rig(1);
    rig.holdConnecting();
    const waiting = rig.pool.checkout(1000);
    const dismissed = expect(waiting).rejects.toMatchObject({ sqlstate: "57P01" });
    rig.pool.retire();
    await dismissed;
    rig.open();
    await turn();
    await turn();
    expect(rig.opened).toHaveLength(1);
    expect(rig.openSockets).toBe(0);
    expect(rig.permits.tryTake()).toBe(true);
  });

  it("opens one connection until it is known that the way is open, then as many as are wanted", async () => {
    const rig = new Rig(5);
    rig.holdConnecting();
    const waiting = [1, 2, 3].map(() => rig.pool.checkout(1000));
    await turn();
    expect(rig.pool.figures).toMatchObject({ connecting: 1, waiting: 3 });
    rig.open();
    await Promise.all(waiting);
    expect(rig.opened).toHaveLength(3);
  });

  it("sends one probe at a time to a database that is away, with back-off, and serves all when it is back", async () => {
    const rig = new Rig(5);
    (await rig.pool.checkout(1000)).server.close();
    rig.pool.renew();
    rig.failure = REFUSED;
    const waiting = Array.from({ length: 50 }, () => rig.pool.checkout(60_000));
    for (let step = 0; step < 40; step++) {
      await turn();
      rig.clock.advance(100);
    }
    // 4 s of back-off that begins at 100 ms and doubles: with the worst of dice still far from one for each step.
    expect(rig.attempts).toBeGreaterThan(3);
    expect(rig.attempts).toBeLessThan(35);
    rig.failure = undefined;
    rig.clock.advance(3000);
    for (const each of waiting) (await each).release(CLEAN);
    expect(rig.openSockets).toBeLessThanOrEqual(5);
  });

  it("is patient with a database that was there before, and tells who has waited for 5 s why", async () => {
    const rig = new Rig(1);
    const lease = await rig.pool.checkout(1000);
    lease.release({ owed: 0, halfSent: true });
    rig.failure = REFUSED;
    let told: unknown;
    const waiting = rig.pool.checkout(60_000).catch((error: unknown) => {
      told = error;
    });
    await turn();
    rig.clock.advance(4000);
    await turn();
    expect(told).toBeUndefined();
    for (let step = 0; step < 10 && told === undefined; step++) {
      rig.clock.advance(1000);
      await turn();
    }
    await waiting;
    expect(told).toBe(REFUSED);
  });

  it("lets wait for a database that is starting, until their own time is over, and then says so", async () => {
    const rig = new Rig(1);
    rig.failure = said("57P03");
    const waiting = rig.pool.checkout(20_000);
    const refused = expect(waiting).rejects.toMatchObject({ sqlstate: "57P03" });
    for (let step = 0; step < 19; step++) {
      await turn();
      rig.clock.advance(1000);
    }
    expect(rig.pool.figures.waiting).toBe(1);
    rig.clock.advance(1000);
    await refused;
  });

  it("makes do with what it has when the database has no more connections to give", async () => {
    const rig = new Rig(5);
    const lease = await rig.pool.checkout(1000);
    rig.failure = said("53300");
    const waiting = [1, 2, 3].map(() => rig.pool.checkout(60_000));
    for (let step = 0; step < 20; step++) {
      await turn();
      rig.clock.advance(500);
    }
    expect(rig.pool.figures).toMatchObject({ open: 1, waiting: 3 });
    lease.release(CLEAN);
    for (const each of waiting) (await each).release(CLEAN);
    expect(rig.opened).toHaveLength(1);
  });

  it("passes what the database said on to all who wait, at once", async () => {
    const rig = new Rig(5);
    rig.failure = said("3D000");
    const waiting = Array.from({ length: 20 }, () => rig.pool.checkout(60_000));
    const outcomes = await Promise.allSettled(waiting);
    for (const outcome of outcomes) expect(outcome).toMatchObject({ reason: { sqlstate: "3D000" } });
    expect(rig.attempts).toBe(1);
  });

  it("does not count the time that it takes to open a server for who waits", async () => {
    const rig = new Rig(1);
    rig.holdConnecting();
    const first = rig.pool.checkout(100);
    const second = rig.pool.checkout(100);
    const refused = expect(second).rejects.toMatchObject({ code: "ECHECKOUTTIMEOUT" });
    await turn();
    rig.clock.advance(5000);
    await refused;
    rig.open();
    expect((await first).state).toBe("leased");
  });

  it("tells who waits overdue for a server that then cannot be opened", async () => {
    const rig = new Rig(1);
    rig.holdConnecting();
    rig.failure = REFUSED;
    const waiting = rig.pool.checkout(100);
    const refused = expect(waiting).rejects.toBe(REFUSED);
    await turn();
    rig.clock.advance(5000);
    rig.open();
    await refused;
  });

  it.each([
    {
      what: "behind a pause",
      failure: undefined,
      begin: (pool: Pool) => pool.hold(true),
      end: (pool: Pool) => pool.hold(false),
    },
    {
      what: "behind one that is not wanted any more",
      failure: REFUSED,
      begin: (pool: Pool) => pool.renew(),
      end: () => undefined,
    },
  ])("tells who waits overdue $what at once, when the server on its way is none for it", async ({
    failure,
    begin,
    end,
  }) => {
    const rig = new Rig(1);
    rig.holdConnecting();
    rig.failure = failure;
    const waiting = rig.pool.checkout(100);
    const refused = expect(waiting).rejects.toMatchObject({ code: "ECHECKOUTTIMEOUT" });
    await turn();
    rig.clock.advance(5000);
    begin(rig.pool);
    rig.open();
    rig.holdConnecting();
    await turn();
    end(rig.pool);
    await refused;
    expect([rig.attempts, rig.pool.figures.waiting]).toEqual([1, 0]);
  });

  it("asks a server that was idle for long whether it is there, and drops all its like when it is not", async () => {
    const rig = new Rig(3);
    const leases = await Promise.all([1, 2, 3].map(() => rig.pool.checkout(1000)));
    for (const lease of leases) lease.release(CLEAN);
    rig.clock.advance(31_000);
    expect(rig.pool.takeIdle()).toBeUndefined();
    const checked = await rig.pool.checkout(1000);
    expect(checked).toBe(leases[2]);
    checked.release(CLEAN);
    for (const lease of leases) rig.mute(lease);
    rig.clock.advance(31_000);
    const waiting = rig.pool.checkout(10_000);
    await turn();
    rig.clock.advance(2000);
    const fresh = await waiting;
    expect(leases).not.toContain(fresh);
    expect(rig.pool.figures).toMatchObject({ open: 1 });
  });

  it("renews: idle servers go at once, others as they come back, and who waits gets a new one", async () => {
    const rig = new Rig(2);
    const [idle, busy] = await Promise.all([rig.pool.checkout(1000), rig.pool.checkout(1000)]);
    idle.release(CLEAN);
    rig.pool.renew();
    expect(rig.openSockets).toBe(1);
    const next = await rig.pool.checkout(1000);
    expect([idle, busy]).not.toContain(next);
    const waiting = rig.pool.checkout(1000);
    busy.release(CLEAN);
    expect([idle, busy]).not.toContain(await waiting);
    expect(rig.openSockets).toBe(2);
  });

  it("keeps in mind for a while that its database is away, when nobody uses it any more", async () => {
    const rig = new Rig(1);
    rig.failure = new UpstreamUnreachable("connection refused", undefined, undefined, true);
    await expect(rig.pool.checkout(1000)).rejects.toMatchObject({ code: "EUPSTREAM" });
    expect(rig.pool.unused).toBe(false);
    rig.clock.advance(10_000);
    expect(rig.pool.unused).toBe(true);
  });

  it("has servers leave an address at the end of their transaction, and idle ones at once", async () => {
    const rig = new Rig(2);
    const [leased, other] = await Promise.all([rig.pool.checkout(1000), rig.pool.checkout(1000)]);
    other.release(CLEAN);
    const [address = ""] = rig.pool.addresses;
    rig.pool.leave(new Set(["10.9.9.9"]));
    expect(rig.pool.figures.open).toBe(2);
    rig.pool.leave(new Set([address]));
    expect([rig.pool.figures.open, rig.pool.hasMoved, leased.moved]).toEqual([1, true, true]);
    leased.release(CLEAN);
    expect([rig.pool.figures.open, rig.pool.hasMoved]).toEqual([0, false]);
  });
});
