import { startFleet } from "@sluice/local/fleet";
import { expect, inject, it } from "vitest";
import { connectTo, putTenant, served } from "../support/tenant-api.js";

it("a data plane that drains takes two signals in a row for one, and ends at once on one that comes later", async () => {
  const server = inject("postgres");
  const fleet = await startFleet({ postgres: server });
  try {
    const login = { password: server.password };
    await putTenant(fleet, "t", {
      db_host: "127.0.0.1",
      db_port: server.port,
      db_database: "postgres",
      require_user: true,
      users: [{ db_user: "postgres", db_password: server.password, pool_size: 2 }],
    });
    await served(fleet, "t", login);
    const client = await connectTo(fleet, "t", login);
    await client.query("begin");
    const { ended, pid } = fleet.dataPlane;
    for (let n = 0; n < 2; n++) process.kill(pid, "SIGTERM");
    // Its transaction goes on, for longer than signals are taken for one.
    expect((await client.query("select pg_sleep(1.2), 1 as one")).rows).toMatchObject([{ one: 1 }]);
    process.kill(pid, "SIGTERM");
    expect(await ended).toBe("exit code 1");
    await expect(client.query("commit")).rejects.toThrow();
    await fleet.dataPlane.start();
    const next = await connectTo(fleet, "t", login);
    expect((await next.query("select 1 as one")).rows).toEqual([{ one: 1 }]);
    await next.end();
  } finally {
    await fleet.stop();
  }
});
