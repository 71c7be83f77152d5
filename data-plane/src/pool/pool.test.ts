import { Duplex } from "node:stream";
import { silentLogger } from "@sluice/shared/observability";
import { FakeClock } from "@sluice/shared/time";
import { describe, expect, it } from "vitest";
import { ServerConnection } from "../server/index.js";
import type { ServerSocket } from "../transport/index.js";
import { CLEAN, type Lease } from "./lease.js";
import { LocalPermits } from "./permits.js";
import { Pool } from "./pool.js";
import type { PoolRules } from "./pool-rules.js";

/** A socket that says nothing; what the pool decides does not depend on bytes. */
class QuietSocket extends Duplex {
  override _read(): void {}
  override _write(_chunk: unknown, _encoding: unknown, done: () => void): void {
    done();
  }
  setTimeout(): this {
    return this;
  }
}

class Rig {
  readonly clock = new FakeClock();
  readonly permits: LocalPermits;
  readonly rules: PoolRules;
  readonly pool: Pool;
  readonly opened: ServerConnection[] = [];
  failure: Error | undefined;
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
      reset: "tracked",
      pausedUntilMs: 0,
    };
    this.pool = new Pool({
      name: "test",
      mode,
      permits: this.permits,
      clock: this.clock,
      logger: silentLogger,
      rules: this.rules,
      cancel: () => Promise.resolve(),
      connect: async () => {
        await this.#gate;
        if (this.failure !== undefined) throw this.failure;
        const socket = new QuietSocket() as unknown as ServerSocket;
        const server = new ServerConnection(
          socket,
          { pid: this.opened.length + 1, secret: Buffer.alloc(4), parameters: new Map() },
          this.clock.monotonic(),
        );
        this.opened.push(server);
        return server;
      },
    });
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

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe("Pool", () => {
  it("opens a server for who asks, keeps it when it comes back, and gives it out again", async () => {
    const { pool, opened } = new Rig(2);
    const first = await pool.checkout(1000);
    first.release(CLEAN);
    expect(pool.takeIdle()).toBe(first);
    expect(opened).toHaveLength(1);
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
    expect(clock.pendingTimers).toBe(0);
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
    for (let minute = 0; minute < 11; minute++) {
      rig.clock.advance(60_000);
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
    const again = await Promise.all([1, 2].map(() => rig.pool.checkout(1000)));
    expect(again).toHaveLength(2);
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
});
