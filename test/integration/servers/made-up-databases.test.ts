import { gaugeOf } from "@sluice/data-plane/metrics/index";
import { afterEach, describe, expect, inject, it } from "vitest";
import { connectAt, failureOf } from "../../support/edge-client.js";
import { eventually } from "../../support/eventually.js";
import { Edge, tenantOn } from "../login/edge.js";

const MADE_UP = 40;

describe("a client that makes databases up", () => {
  const server = inject("postgres");
  let edge: Edge | undefined;
  afterEach(async () => {
    await edge?.stop();
  });

  it("is refused, and leaves few figures behind; those of its tenant's database stay", async () => {
    edge = await Edge.start();
    const { port, figures } = edge;
    await edge.put("t", tenantOn(server));
    const login = (database: string) =>
      connectAt(port, { user: `${server.user}.t`, password: server.password, database });
    const client = await login("postgres");
    await client.query("select 1");
    for (let i = 0; i < MADE_UP; i++)
      expect((await failureOf(login(`made_up_${i}`))).message).toContain("does not exist");
    await eventually("all are told", () => figures.pools().length > 10);
    const known = await eventually("most are forgotten", () => {
      const pools = figures.pools();
      return pools.length <= 11 && pools;
    });
    const real = known.find(({ pool }) => pool.database === "postgres");
    expect(real && gaugeOf(real.row, "clients")).toBe(1);
    await client.end();
  });
});
