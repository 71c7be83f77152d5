import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { eventually } from "../../support/eventually.js";
import type { RawClient } from "../../support/raw-client.js";
import { Sides } from "./sides.js";

const LONGEST_PAYLOAD = "x".repeat(7999);

describe("LISTEN in transaction mode", () => {
  let sides: Sides;
  const clients: RawClient[] = [];

  beforeAll(async () => {
    sides = await Sides.start(4, { maxPinned: 3 });
  });
  afterEach(() => {
    for (const client of clients.splice(0)) client.close();
  });
  afterAll(async () => {
    await sides?.stop();
  });

  const logIn = async (): Promise<RawClient> => {
    const client = await sides.pooled();
    clients.push(client);
    return client;
  };
  /** A client that listens and is idle: the next that it is told has to be a notification. */
  const listener = async (channel: string): Promise<RawClient> => {
    const client = await logIn();
    await client.query(`listen ${channel}`);
    return client;
  };
  const notified = async (client: RawClient): Promise<string[]> =>
    (await client.expect("A")).toString("latin1", 4).split("\0").slice(0, 2);

  it("tells all who listen, while they are idle, once it is committed, and nothing that is not", async () => {
    const [one, two, other] = [await listener("news"), await listener("news"), await listener("elsewhere")];
    const sender = await logIn();
    await sender.query("begin; notify news, 'rolled back'");
    await sender.query("rollback");
    await expect(sender.query("notify news, 'failed'; select 1/0")).rejects.toThrow("22012");
    await sender.query("begin");
    await sender.query("notify news, 'committed'");
    // Were it told before the commit, this would come behind it.
    await sender.query("select pg_notify('elsewhere', 'from inside')");
    await sender.query("commit");
    for (const client of [one, two]) expect(await notified(client)).toEqual(["news", "committed"]);
    expect(await notified(other)).toEqual(["elsewhere", "from inside"]);
    await sender.query(`notify news, '${LONGEST_PAYLOAD}'`);
    for (const client of [one, two]) expect(await notified(client)).toEqual(["news", LONGEST_PAYLOAD]);
  });

  it("tells a client what it has sent itself, in front of the answer's end, from the pid of its own server", async () => {
    const client = await listener("news");
    const [[pid] = []] = await client.query("select pg_backend_pid()");
    client.send(...[Buffer.from("Q\0\0\0\x10notify news\0", "latin1")]);
    expect((await client.expect("C")).toString("latin1")).toBe("NOTIFY\0");
    expect((await client.expect("A")).readInt32BE(0)).toBe(Number(pid));
    await client.expect("Z");
  });

  it("is over for all channels with UNLISTEN *, and the server goes back", async () => {
    const client = await logIn();
    await client.query("listen one; listen two");
    const sender = await logIn();
    await client.query("unlisten *");
    await sender.query("notify one; notify two");
    // Nothing is told in front of the answer.
    expect(await client.query("select count(*) from pg_listening_channels()")).toEqual([["0"]]);
    // As many as may keep a server find one: the place is free.
    await eventually("three may listen", async () => {
      const three = await Promise.all([logIn(), logIn(), logIn()]);
      await Promise.all(three.map((each) => each.query("listen three")));
      return true;
    });
  });

  it("is not heard by the next client of a server whose listener went without a word", async () => {
    for (let round = 0; round < 4; round++) (await listener("gone")).socket.resetAndDestroy();
    const others = await Promise.all(Array.from({ length: 4 }, () => logIn()));
    await Promise.all(others.map((client) => client.query("begin")));
    for (const client of others)
      expect(await client.query("select count(*) from pg_listening_channels()")).toEqual([["0"]]);
    await Promise.all(others.map((client) => client.query("commit")));
    const direct = await sides.direct();
    await direct.query("notify gone");
    for (const client of others) expect(await client.query("select 'mine'")).toEqual([["mine"]]);
    direct.close();
  });
});
