import type { LookupAddress, LookupAllOptions } from "node:dns";
import { HostNames } from "@sluice/data-plane/transport/index";
import { systemClock } from "@sluice/shared/time";
import { afterEach, beforeEach, describe, expect, inject, it } from "vitest";
import { connectAt, failureOf } from "../../support/edge-client.js";
import { eventually } from "../../support/eventually.js";
import { AUTH_QUERY, Edge, tenantOn } from "../login/edge.js";

const THREADS = 4;

type Done = (error: NodeJS.ErrnoException | null, addresses: LookupAddress[]) => void;

/** getaddrinfo with as many threads as libuv has for it: of names under `silent.test` it never hears. */
class FewThreads {
  readonly #waiting: (() => void)[] = [];
  readonly stuck: string[] = [];
  #busy = 0;

  readonly getaddrinfo = (host: string, _options: LookupAllOptions, done: Done): void => {
    this.#waiting.push(() => {
      if (host.endsWith("silent.test")) this.stuck.push(host);
      else
        setImmediate(() => {
          this.#busy -= 1;
          done(null, [{ address: "127.0.0.1", family: 4 }]);
          this.#next();
        });
    });
    this.#next();
  };

  #next(): void {
    while (this.#busy < THREADS) {
      const begin = this.#waiting.shift();
      if (begin === undefined) return;
      this.#busy += 1;
      begin();
    }
  }
}

describe("a tenant whose host's name nobody answers for", () => {
  const server = inject("postgres");
  let threads: FewThreads;
  let edge: Edge;

  beforeEach(async () => {
    threads = new FewThreads();
    const { getaddrinfo } = threads;
    edge = await Edge.start({ names: new HostNames({ clock: systemClock, atOnce: THREADS, getaddrinfo }) });
  });
  afterEach(async () => {
    await edge?.stop();
  });

  const serves = async (tenant: string): Promise<void> => {
    const user = `${server.user}.${tenant}`;
    const client = await connectAt(edge.port, { user, password: server.password });
    expect((await client.query("select 1 as one")).rows).toEqual([{ one: 1 }]);
    await client.end();
  };

  it("has one lookup under way, however many of its pools want a server, and others are served", async () => {
    await edge.put("silent", {
      ...tenantOn(server, { dbHost: "db.silent.test" }),
      users: [{ name: "u", password: "p", manager: true }],
      serverConnectTimeoutMs: 1000,
    });
    const refused = Array.from({ length: 20 }, (_, i) =>
      failureOf(connectAt(edge.port, { user: "u.silent", password: "p", database: `d${i}` })),
    );
    await eventually("the lookup of it", () => threads.stuck.length > 0);
    await edge.put("good", tenantOn(server, { dbHost: "db.good.test" }));
    await serves("good");
    for (const failure of await Promise.all(refused)) expect(failure.message).toContain("timeout");
    expect(threads.stuck).toEqual(["db.silent.test"]);
  });

  it("has one for auth_query, too, and others' users are known", async () => {
    const asking = { requireUser: false, authQuery: AUTH_QUERY };
    const manager = { name: server.user, password: server.password, manager: true };
    for (let i = 0; i < 8; i++)
      await edge.put(`silent${i}`, {
        ...tenantOn(server, { ...asking, dbHost: "db.silent.test" }),
        users: [manager],
      });
    const refused = Array.from({ length: 8 }, (_, i) =>
      failureOf(connectAt(edge.port, { user: `u.silent${i}`, password: "p" })),
    );
    await eventually("the lookup of it", () => threads.stuck.length > 0);
    await edge.put("good", tenantOn(server, { ...asking, dbHost: "db.good.test" }));
    await serves("good");
    await Promise.all(refused);
    expect(threads.stuck).toEqual(["db.silent.test"]);
  });
});
