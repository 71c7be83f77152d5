import { MemberType } from "@sluice/shared/bundle";
import { afterAll, afterEach, beforeAll, describe, expect, inject, it } from "vitest";
import { createDatabase, type Database } from "../../support/database.js";
import { failureOf } from "../../support/edge-client.js";
import { eventually } from "../../support/eventually.js";
import { RawClient } from "../../support/raw-client.js";
import { Edge, type EdgeTenant, tenantOn } from "../login/edge.js";

/** Each member is a database of its own, so that its name tells who answered. */
describe("a cluster", () => {
  const server = inject("postgres");
  const databases: Database[] = [];
  const clients: RawClient[] = [];
  let edge: Edge;

  beforeAll(async () => {
    edge = await Edge.start();
    for (let number = 0; number < 4; number++) databases.push(await createDatabase());
  });
  afterEach(() => {
    for (const client of clients.splice(0)) client.close();
  });
  afterAll(async () => {
    await edge?.stop();
    for (const database of databases) await database.drop();
  });

  const member = (id: string, at: number, change: Partial<EdgeTenant> = {}): Promise<void> =>
    edge.put(id, tenantOn(server, { dbDatabase: databases[at]?.database ?? "", ...change }));
  const cluster = (
    alias: string,
    members: readonly (readonly [string, "write" | "read", boolean?])[],
  ): void =>
    edge.putCluster(alias, {
      members: members.map(([tenantExternalId, type, active = true]) => ({
        tenantExternalId,
        type: type === "write" ? MemberType.WRITE : MemberType.READ,
        active,
      })),
    });
  /** Without a database's name, so that the member's own is meant. */
  const connect = async (user: string, options?: string): Promise<RawClient> => {
    const client = await RawClient.connect(edge.port);
    clients.push(client);
    await client.logIn(options === undefined ? { user } : { user, options }, server);
    return client;
  };
  const answers = async (user: string, options?: string): Promise<number> => {
    const [[name] = []] = await (await connect(user, options)).query("select current_database()");
    return databases.findIndex(({ database }) => database === name);
  };
  const asCluster = (alias: string): string => `${server.user}.cluster.${alias}`;

  it("leads to its write member, by user name and by reference, and to its readers in turn", async () => {
    await member("w", 0);
    await member("r1", 1);
    await member("r2", 2);
    cluster("c", [
      ["r1", "read"],
      ["w", "write"],
      ["r2", "read"],
    ]);
    expect(await answers(asCluster("c"))).toBe(0);
    expect(await answers(server.user, "reference=c")).toBe(0);
    const turns = [];
    for (let turn = 0; turn < 4; turn++) turns.push(await answers(server.user, "reference=c&type=read"));
    expect(turns).toEqual([1, 2, 1, 2]);
  });

  it("passes over a member that is switched off, or banned", async () => {
    await member("w1", 0, { bannedAtMs: 1n, banReason: "unpaid" });
    await member("w2", 1);
    await member("off", 2);
    await member("on", 3);
    cluster("d", [
      ["w1", "write"],
      ["w2", "write"],
      ["off", "read", false],
      ["on", "read"],
    ]);
    expect(await answers(asCluster("d"))).toBe(1);
    for (let turn = 0; turn < 3; turn++) expect(await answers(server.user, "reference=d&type=read")).toBe(3);
  });

  it("passes over a reader whose database is away, and comes back to it", async () => {
    await member("away", 1, { dbPort: 1 });
    await member("there", 2);
    cluster("e", [
      ["away", "read"],
      ["there", "read"],
    ]);
    const turns: (number | string | undefined)[] = [];
    for (let turn = 0; turn < 6; turn++)
      turns.push(
        await answers(server.user, "reference=e&type=read").catch((error: Error) =>
          error.message.includes("08006") ? "08006" : error.message,
        ),
      );
    // Who comes first finds out, at most.
    expect(turns.filter((turn) => turn === "08006").length).toBeLessThanOrEqual(1);
    expect(turns.slice(2)).toEqual([2, 2, 2, 2]);
    await member("away", 1);
    await eventually(
      "it is asked again",
      async () => (await answers(server.user, "reference=e&type=read")) === 1,
      {
        timeoutMs: 20_000,
      },
    );
  });

  it("never lets a reader stand in for a writer that is away or banned: its own error is told", async () => {
    await member("gone", 0, { dbPort: 1 });
    await member("spare", 1);
    cluster("f", [
      ["gone", "write"],
      ["spare", "read"],
    ]);
    for (let attempt = 0; attempt < 2; attempt++)
      expect(await failureOf(connect(asCluster("f")))).toMatchObject({
        message: expect.stringContaining("08006"),
      });
    await member("gone", 0, { bannedAtMs: 1n, banReason: "unpaid" });
    expect((await failureOf(connect(asCluster("f")))).message).toContain(
      "(EBANNED) tenant is banned: unpaid",
    );
    expect(await answers(server.user, "reference=f&type=read")).toBe(1);
  });

  it("shares its members' pools with those who log in to them directly", async () => {
    await member("shared", 0, { users: [{ name: server.user, password: server.password, poolSize: 1 }] });
    cluster("g", [["shared", "write"]]);
    const pid = (client: RawClient): Promise<unknown> => client.query("select pg_backend_pid()");
    const [direct, through] = [await connect(`${server.user}.shared`), await connect(asCluster("g"))];
    expect(await pid(direct)).toEqual(await pid(through));
  });
});
