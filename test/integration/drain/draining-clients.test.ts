import { afterEach, describe, expect, inject, it } from "vitest";
import { errorFields, startup } from "../../support/protocol.js";
import { RawClient } from "../../support/raw-client.js";
import { Edge, tenantOn } from "../login/edge.js";

describe("a client of a worker that drains", () => {
  const server = inject("postgres");
  const login = { user: `${server.user}.t`, database: "postgres" };
  let edge: Edge;
  let stopped: Promise<void> | undefined;

  const start = async (drainTimeoutMs: number): Promise<void> => {
    edge = await Edge.start({ worker: { drainTimeoutMs } });
    await edge.put("t", tenantOn(server));
  };
  const drain = (): void => {
    stopped = edge.stop();
  };
  afterEach(async () => {
    await (stopped ?? edge?.stop());
    stopped = undefined;
  });

  it("that has logged in goes on, and is told 57P01 when it has been quiet for a while", async () => {
    await start(20_000);
    const client = await RawClient.connect(edge.port);
    await client.logIn(login, server);
    drain();
    for (let i = 0; i < 50; i++) expect(await client.query(`select ${i}`)).toEqual([[String(i)]]);
    expect((await client.refusal())["C"]).toBe("57P01");
  });

  it("that is in the middle of its login can end it, and is served", async () => {
    await start(20_000);
    const before = await RawClient.connect(edge.port);
    const client = await RawClient.connect(edge.port);
    client.send(startup(login));
    await client.mechanisms();
    client.close();
    drain();
    await before.logIn(login, server);
    expect(await before.query("select 1")).toEqual([["1"]]);
    before.close();
  });

  it("that does not go on with its login is told 57P03, so that a driver goes on to the next host", async () => {
    await start(1500);
    const silent = await RawClient.connect(edge.port);
    const half = await RawClient.connect(edge.port);
    half.send(startup(login));
    await half.mechanisms();
    drain();
    expect(await half.refusal()).toMatchObject({ C: "57P03", M: "the database system is shutting down" });
    silent.send(startup(login));
    let told = await silent.message();
    while (told.type !== "E") told = await silent.message();
    expect(errorFields(told.body)["C"]).toBe("57P03");
    silent.close();
  });

  it("that never pauses is told at half of the time, between two transactions", async () => {
    await start(3000);
    const client = await RawClient.connect(edge.port);
    await client.logIn(login, server);
    drain();
    const beganMs = performance.now();
    const served = async (): Promise<boolean> => {
      try {
        return (await client.query("select 1")).length === 1;
      } catch (error) {
        expect(String(error)).toContain("57P01");
        return false;
      }
    };
    const until = async (): Promise<void> => {
      while (await served());
    };
    await Promise.race([until(), client.rest()]).catch(() => undefined);
    expect(performance.now() - beganMs).toBeGreaterThan(1000);
    client.close();
  });
});
