import { setImmediate } from "node:timers/promises";
import { afterAll, afterEach, beforeAll, describe, expect, inject, it } from "vitest";
import { eventually } from "../../support/eventually.js";
import { cstring, errorFields, int32, message, query } from "../../support/protocol.js";
import { RawClient } from "../../support/raw-client.js";
import { RawServer, type RawServerConnection } from "../../support/raw-server.js";
import { Edge, tenantOn } from "../login/edge.js";

const READY = message("Z", Buffer.from("I"));
const ERROR = message("E", Buffer.from("SFATAL\0VFATAL\0C57P01\0Mgoing down\0\0"));

const parameter = (name: string, value: string): Buffer =>
  message("S", Buffer.concat([cstring(name), cstring(value)]));

/** What no Postgres says, or not in the place of an answer. */
const ANSWERS: Readonly<Record<string, Buffer>> = {
  "ReadyForQuery without a status": message("Z"),
  "ReadyForQuery of five bytes": message("Z", Buffer.from("IIIII")),
  "a length of 0": message("C", Buffer.alloc(0), 0),
  "a length of 3": message("D", Buffer.alloc(0), 3),
  "a length below 0": message("T", Buffer.alloc(0), -5),
  "a parameter without an end": message("S", Buffer.from("TimeZone")),
  "a parameter without a value": message("S", cstring("TimeZone")),
  "an empty parameter": message("S"),
  "more parameters than there are": Buffer.concat(
    Array.from({ length: 300 }, (_, i) => parameter(`p${i}`, "x")),
  ),
};

/** What comes of a server that nobody has asked, and whether it is still used. */
const UNASKED: Readonly<Record<string, { readonly said: Buffer; readonly stays: boolean }>> = {
  "an error": { said: ERROR, stays: false },
  "an error without a SQLSTATE": { said: message("E", Buffer.from("SFATAL\0\0")), stays: false },
  "an error of nothing": { said: message("E", Buffer.of(0)), stays: false },
  "half a message": { said: message("N", Buffer.from("SNOTICE\0")).subarray(0, 7), stays: false },
  "the status of a transaction": { said: message("Z", Buffer.from("T")), stays: false },
  "a notice": { said: message("N", Buffer.from("SNOTICE\0VNOTICE\0C00000\0Mhello\0\0")), stays: true },
  "a notification": {
    said: message("A", Buffer.concat([int32(1), cstring("c"), cstring("x")])),
    stays: true,
  },
  "a parameter": { said: message("S", Buffer.concat([cstring("TimeZone"), cstring("Mars")])), stays: true },
};

describe("a server that does not keep to the protocol", () => {
  const postgres = inject("postgres");
  let edge: Edge;
  let raw: RawServer | undefined;
  let bystander: RawClient;
  let number = 0;

  beforeAll(async () => {
    edge = await Edge.start();
    await edge.put("bystander", tenantOn(postgres));
    bystander = await RawClient.connect(edge.port);
    await bystander.logIn({ user: `${postgres.user}.bystander`, database: "postgres" }, postgres);
  });
  afterEach(async () => {
    await raw?.stop();
  });
  afterAll(async () => {
    bystander?.close();
    await edge?.stop();
  });

  /** One that answers nothing but `first`, once, as it should not. */
  const start = async (first: Buffer): Promise<{ readonly connections: RawServerConnection[] }> => {
    const connections: RawServerConnection[] = [];
    let said = false;
    raw = await RawServer.start(async (connection) => {
      await connection.packet();
      connections.push(connection);
      connection.greet();
      for (;;) {
        const asked = (await connection.expect("Q")).toString("latin1");
        if (asked.startsWith("say it") && !said) {
          said = true;
          connection.send(first);
        } else connection.send(message("C", cstring("SELECT 0")), READY);
      }
    });
    number += 1;
    const users = [{ name: "u", password: "p", poolSize: 1 }];
    await edge.put(`unruly${number}`, tenantOn({ ...postgres, port: raw.port }, { users }));
    return { connections };
  };
  const logIn = async (mode: "transaction" | "session") => {
    const client = await RawClient.connect(edge.portOf(0, mode));
    const { parameters } = await client.logIn(
      { user: `u.unruly${number}`, database: "postgres" },
      { password: "p" },
    );
    return { client, parameters };
  };

  for (const mode of ["transaction", "session"] as const) {
    it.each(
      Object.entries(ANSWERS),
    )(`and answers with %s is left, its client told in ${mode} mode, and others have the next one`, async (_, answer) => {
      await start(answer);
      const { client } = await logIn(mode);
      client.send(query("say it"));
      const told = await client.message();
      expect([told.type, errorFields(told.body)]).toMatchObject(["E", { S: "FATAL", C: "08006" }]);
      expect((await client.rest()).length).toBe(0);
      expect(await bystander.query("select 1")).toEqual([["1"]]);
      const { client: next } = await logIn(mode);
      expect(await next.query("say it")).toEqual([]);
      client.close();
      next.close();
    });
  }

  it.each([
    { what: "parameters without an end", said: parameter("p", "x"), numbered: true },
    { what: "whatever comes before it is asked", said: message("N", Buffer.alloc(10_000)), numbered: false },
  ])("and says $what in its login is left at once", async ({ said, numbered }) => {
    let taken = false;
    raw = await RawServer.start(async (connection) => {
      await connection.packet();
      if (numbered) connection.send(message("R", int32(0)));
      else connection.send(message("R", Buffer.concat([int32(10), cstring("SCRAM-SHA-256"), Buffer.of(0)])));
      for (let i = 0; i < 100_000 && !connection.socket.destroyed; i++) {
        connection.send(numbered ? parameter(`p${i}`, "x") : said);
        if (i % 100 === 99) await setImmediate();
      }
      taken = !connection.socket.destroyed;
    });
    number += 1;
    const users = [{ name: "u", password: "p", poolSize: 1 }];
    await edge.put(`unruly${number}`, tenantOn({ ...postgres, port: raw.port }, { users }));
    await expect(logIn("session")).rejects.toThrow("08006");
    expect(taken).toBe(false);
    expect(await bystander.query("select 1")).toEqual([["1"]]);
  });

  it("and talks without end while nobody uses it is closed, and the next client has another one", async () => {
    const { connections } = await start(Buffer.alloc(0));
    const { client } = await logIn("transaction");
    expect(await client.query("begin")).toEqual([]);
    const [first] = connections;
    if (first === undefined) throw new Error("no server");
    const notices = Buffer.concat(
      Array.from({ length: 100 }, () => message("N", Buffer.from("SNOTICE\0VNOTICE\0C00000\0Mhello\0\0"))),
    );
    await eventually("its end", async () => {
      first.send(notices);
      await setImmediate();
      return first.socket.destroyed;
    });
    expect(await client.query("select 1")).toEqual([]);
    expect(connections.length).toBe(2);
    client.close();
  });

  it.each(Object.entries(UNASKED))("and says %s unasked: no client hears of it", async (_, {
    said,
    stays,
  }) => {
    const { connections } = await start(Buffer.alloc(0));
    const { client } = await logIn("transaction");
    expect(await client.query("begin")).toEqual([]);
    const [first] = connections;
    await new Promise((resolve) => first?.socket.write(said, resolve));
    // The data plane is in this process: it reads so in one of its next turns.
    for (let turns = 0; turns < 50; turns++) await setImmediate();
    expect(await client.query("select 1")).toEqual([]);
    expect(connections.length).toBe(stays ? 1 : 2);
    client.close();
  });
});
