import { readFileSync, writeFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { OwnPostgres } from "../../support/own-postgres.js";
import { startup } from "../../support/protocol.js";
import { RawClient } from "../../support/raw-client.js";
import { Edge, tenantOn } from "../login/edge.js";

describe("a login that names replication", () => {
  let postgres: OwnPostgres;
  let edge: Edge;

  beforeAll(async () => {
    postgres = await OwnPostgres.start();
    await postgres.run("create role app login replication password 'app'");
    // As for a pooler beside its database: whoever it says that it is.
    const [{ file = "" } = {}] = await postgres.run<{ file: string }>(
      "select current_setting('hba_file') as file",
    );
    writeFileSync(file, `host all all 127.0.0.1/32 trust\n${readFileSync(file, "utf8")}`);
    await postgres.run("select pg_reload_conf()");
    edge = await Edge.start();
    await edge.put(
      "t",
      tenantOn(postgres, { users: [{ name: "app", password: "app", poolSize: 2, checkoutTimeoutMs: 300 }] }),
    );
  });
  afterAll(async () => {
    await edge?.stop();
    await postgres?.remove();
  });

  const enter = async (more: Readonly<Record<string, string>>): Promise<RawClient> => {
    const client = await RawClient.connect(edge.sessionPort);
    await client.logIn({ user: "app.t", database: "postgres", ...more }, { password: "app" });
    return client;
  };

  it.each(["f", "n", "of", "FALSE"])("as %s is one of the pool's", async (replication) => {
    const clients = [await enter({ replication }), await enter({ replication })];
    await expect(enter({ replication })).rejects.toThrow("ECHECKOUTTIMEOUT");
    for (const client of clients) expect(await client.query("select current_user")).toEqual([["app"]]);
    for (const client of clients) client.close();
  });

  it("is no other role and at no other database than it has proved, whatever its options say", async () => {
    const options = "-c user=postgres -c database=template1 -c replication=off";
    const client = await enter({ replication: "database", options });
    expect(
      await client.query("select session_user, current_database(), current_setting('is_superuser')"),
    ).toEqual([["app", "postgres", "off"]]);
    client.close();
  });

  it.each([
    "transaction",
    "session",
  ] as const)("as nothing that PostgreSQL knows is refused before any password, in %s mode", async (mode) => {
    const client = await RawClient.connect(edge.portOf(0, mode));
    client.send(startup({ user: "app.t", database: "postgres", replication: "perhaps" }));
    expect(await client.refusal()).toMatchObject({ C: "08P01", M: expect.stringContaining("replication") });
    client.close();
  });
});
