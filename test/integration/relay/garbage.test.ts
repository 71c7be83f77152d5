import { afterAll, beforeAll, describe, expect, inject, it } from "vitest";
import { cancelRequest, message, SSL_REQUEST, startup, TERMINATE } from "../../support/protocol.js";
import { RawClient } from "../../support/raw-client.js";
import { Edge, tenantOn } from "../login/edge.js";

const SYNC = message("S");
/** What a client that has logged in should never send. */
const GARBAGE: Readonly<Record<string, Buffer>> = {
  "an unknown type": message("?", Buffer.from("x")),
  "a length of 0": message("Q", Buffer.alloc(0), 0),
  "a length of 3": message("Q", Buffer.alloc(0), 3),
  "a length below 0": message("Q", Buffer.alloc(0), -5),
  "a query of 2 GB": message("Q", Buffer.from("abc"), 0x7fff_ffff),
  "a Parse of 2 GB": message("P", Buffer.from("abc\0select 1\0"), 0x7fff_ffff),
  "a Parse of 2 GB, cut in its name": message("P", Buffer.from("abc"), 0x7fff_ffff),
  "a Bind of 2 GB": message("B", Buffer.from("\0abc\0"), 0x7fff_ffff),
  "a Describe of 2 GB": message("D", Buffer.from("Sabc\0"), 0x7fff_ffff),
  "a Close of 2 GB": message("C", Buffer.from("Sabc\0"), 0x7fff_ffff),
  "COPY data of 2 GB": message("d", Buffer.from("abc"), 0x7fff_ffff),
  "a password": message("p", Buffer.from("abc\0")),
  "a query without an end": message("Q", Buffer.from("select 1")),
  "an empty query message": message("Q"),
  "an empty Parse": message("P"),
  "an empty Bind": message("B"),
  "an empty Describe": message("D"),
  "an empty Execute": message("E"),
  "an empty Close": message("C"),
  "an empty function call": message("F"),
  "a Bind with 32,767 parameters and none": message("B", Buffer.from([0, 0, 0, 0, 0x7f, 0xff])),
  "Terminate with a body": message("X", Buffer.from("abc")),
  "a startup packet": startup({ user: "x" }),
  "an SSLRequest": SSL_REQUEST,
  "a cancel request": cancelRequest(1, Buffer.alloc(4)),
  zeros: Buffer.alloc(100),
};

describe.each(["transaction", "session"] as const)("in %s mode a client that sends", (mode) => {
  const server = inject("postgres");
  let edge: Edge;
  let bystander: RawClient;

  beforeAll(async () => {
    edge = await Edge.start();
    await edge.put("t", tenantOn(server));
    bystander = await logIn();
  });
  afterAll(async () => {
    bystander?.close();
    await edge?.stop();
  });
  const logIn = async (): Promise<RawClient> => {
    const client = await RawClient.connect(edge.portOf(0, mode));
    await client.logIn({ user: `${server.user}.t`, database: "postgres" }, server);
    return client;
  };

  it.each(Object.entries(GARBAGE))("%s harms itself only, and is told what is wrong", async (_, bytes) => {
    const client = await logIn();
    client.send(bytes);
    expect(await bystander.query("select 1")).toEqual([["1"]]);
    client.send(SYNC, TERMINATE);
    const told = (await client.rest()).toString("latin1");
    client.close();
    // Its fault or the server's answer, and never one of ours.
    expect(told).not.toMatch(/XX000|internal error/);
    expect(told).toMatch(/^$|SFATAL\0VFATAL\0C08|SERROR\0VERROR\0C(08P01|26000)/);
    expect(await bystander.query("select 2")).toEqual([["2"]]);
  });
});
