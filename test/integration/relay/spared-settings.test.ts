import { afterAll, afterEach, beforeAll, describe, expect, inject, it } from "vitest";
import { bind, execute, parse, SYNC } from "../../support/frontend.js";
import { RawClient } from "../../support/raw-client.js";
import { TappedServer } from "../../support/tapped-server.js";
import { Edge, tenantOn } from "../login/edge.js";

/** Pairs of clients with the same settings, some of which the server spells in its own way. */
const ALIKE: Readonly<Record<string, readonly Readonly<Record<string, string>>[]>> = {
  "nothing of their own": [{}, {}],
  "an empty application_name": [{ application_name: "" }, { application_name: "" }],
  "an application_name, and the same": [{ application_name: "web" }, { application_name: "web" }],
  "what the server spells in full": [{ DateStyle: "ISO" }, { DateStyle: "ISO" }],
  "an encoding in another case": [{ client_encoding: "utf8" }, { client_encoding: "utf8" }],
  "a flag in other words": [{ options: "-c enable_seqscan=on" }, { options: "-c enable_seqscan=on" }],
};

describe("settings that a server has already", () => {
  const postgres = inject("postgres");
  let edge: Edge;
  let tapped: TappedServer;
  const clients: RawClient[] = [];

  beforeAll(async () => {
    tapped = await TappedServer.to(postgres.host, postgres.port);
    edge = await Edge.start();
    const users = [{ name: postgres.user, password: postgres.password, poolSize: 1 }];
    await edge.put("t", tenantOn({ ...postgres, port: tapped.port }, { users }));
  });
  afterEach(() => {
    for (const client of clients.splice(0)) client.close();
  });
  afterAll(async () => {
    await edge?.stop();
    await tapped?.stop();
  });

  const logIn = async (startup: Readonly<Record<string, string>>): Promise<RawClient> => {
    const client = await RawClient.connect(edge.port);
    await client.logIn({ user: `${postgres.user}.t`, database: "postgres", ...startup }, postgres);
    clients.push(client);
    return client;
  };

  it.each(Object.entries(ALIKE))("are not sent to it for clients in turn: %s", async (_, startups) => {
    const both = await Promise.all(startups.map((startup) => logIn(startup)));
    for (const client of both) await client.query("select 'first'");
    tapped.take();
    for (let round = 0; round < 5; round++) {
      for (const client of both) expect(await client.query(`select 'mine'`)).toEqual([["mine"]]);
    }
    const sent = tapped.take();
    expect(sent.split("select 'mine'").length - 1).toBe(10);
    expect(sent).not.toMatch(/set_config|\bset\b|reset|discard|pg_settings/i);
  });

  it.each([
    4000, 4096, 200_000, 3_000_000,
  ])("are brought in front of a statement and a value of %i bytes, of clients with other encodings", async (length) => {
    const both = [await logIn({ client_encoding: "latin1" }), await logIn({ client_encoding: "utf8" })];
    const marks = ["\xfc", "\xc3\xbc"].map((mark) => Buffer.from(mark, "latin1"));
    for (let round = 0; round < 3; round++) {
      for (const [at, client] of both.entries()) {
        const value = Buffer.concat([Buffer.alloc(length, "x"), marks[at] ?? Buffer.of()]);
        client.send(
          parse(`select $1::text, '${"y".repeat(length)}'`),
          bind({ values: [value] }),
          execute(),
          SYNC,
        );
        for (const type of "12") await client.expect(type);
        const row = await client.expect("D");
        expect(row.subarray(6, 6 + value.length).equals(value)).toBe(true);
        for (const type of "CZ") await client.expect(type);
      }
    }
  });

  it("are sent in one write with the client's own message where two differ", async () => {
    const both = [await logIn({ application_name: "a" }), await logIn({ application_name: "b" })];
    for (const client of both) await client.query("select 'first'");
    tapped.take();
    for (let round = 0; round < 5; round++) {
      for (const [at, client] of both.entries())
        expect(await client.query("select current_setting('application_name')")).toEqual([["ab"[at]]]);
    }
    expect(tapped.take().match(/set_config\('application_name', '[ab]'/g)?.length).toBe(10);
  });
});
