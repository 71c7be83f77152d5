import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";
import tls from "node:tls";
import { DirectSocket } from "@sluice/data-plane/transport/index";
import { handleOf, takesWrites } from "@sluice/data-plane/transport/socket-handle";
import { afterEach, beforeAll, describe, expect, it } from "vitest";
import { type Pair, TestCa } from "../../support/certificates.js";
import { eventually } from "../../support/eventually.js";

/** What comes, and what is told. */
class Received {
  readonly parts: Buffer[] = [];
  drains = 0;
  onPart: (() => void) | undefined;

  received(segment: Buffer): undefined {
    this.parts.push(segment);
    this.onPart?.();
  }

  drained(): void {
    this.drains += 1;
  }

  get bytes(): number {
    return this.parts.reduce((sum, { length }) => sum + length, 0);
  }

  get text(): string {
    return Buffer.concat(this.parts).toString();
  }
}

/** Whatever error goes before it. */
const closeOf = (socket: Socket): Promise<void> => new Promise((done) => socket.once("close", () => done()));

const digest = (parts: readonly Buffer[]): string => {
  const hash = createHash("sha256");
  for (const part of parts) hash.update(part);
  return hash.digest("hex");
};

interface Ends {
  /** The side that is tested. */
  readonly own: DirectSocket;
  readonly heard: Received;
  readonly peer: Socket;
  /** Under TLS: what carries it, on the side that connected. */
  readonly carrier: Socket;
}

describe.each([
  { kind: "tcp", secure: false, direct: true },
  { kind: "tls", secure: true, direct: true },
  { kind: "tcp through Node's streams", secure: false, direct: false },
])("DirectSocket, $kind", ({ secure, direct }) => {
  let pair: Pair;
  const servers: Server[] = [];
  const open: Socket[] = [];

  beforeAll(async () => {
    pair = await (await TestCa.make()).issue({ dns: ["localhost"] });
  });

  afterEach(() => {
    for (const socket of open.splice(0)) socket.destroy();
    for (const server of servers.splice(0)) server.close();
  });

  /** @param accepted the tested side is the one that was accepted; else the one that connected */
  async function ends(accepted = true): Promise<Ends> {
    const server: Server = secure
      ? tls.createServer({ ...pair, allowHalfOpen: true })
      : createServer({ allowHalfOpen: true, noDelay: true });
    servers.push(server);
    const coming = once(server, secure ? "secureConnection" : "connection");
    await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
    const { port } = server.address() as AddressInfo;
    const carrier = connect({ port, host: "127.0.0.1", allowHalfOpen: true });
    const connected = secure ? tls.connect({ socket: carrier, rejectUnauthorized: false }) : carrier;
    const [there] = (await coming) as [Socket];
    await eventually("both are open", () => connected.readyState === "open");
    const [mine, peer] = accepted ? [there, connected] : [connected, there];
    for (const socket of [mine, peer]) {
      open.push(socket);
      socket.on("error", () => undefined);
    }
    const own = new DirectSocket(mine, direct);
    const heard = new Received();
    mine.resume();
    own.begin(heard);
    return { own, heard, peer, carrier };
  }

  it("finds Node's handle as it is known, in this Node", async () => {
    const { own } = await ends();
    expect(handleOf(own.socket)).toBeDefined();
    expect(takesWrites(own.socket)).toBe(!secure);
  });

  it.each([true, false])("passes bytes both ways, whole and in order (accepted: %s)", async (accepted) => {
    const { own, heard, peer } = await ends(accepted);
    const [there, back] = [randomBytes(3_000_000), randomBytes(3_000_000)];
    const echoed = new Received();
    peer.on("data", (segment: Buffer) => echoed.received(segment));
    for (let at = 0; at < there.length; at += 10_001) peer.write(there.subarray(at, at + 10_001));
    for (let at = 0; at < back.length; at += 7_777) own.write(back.subarray(at, at + 7_777));
    await eventually("all has come", () => heard.bytes === there.length && echoed.bytes === back.length);
    expect(digest(heard.parts)).toBe(digest([there]));
    expect(digest(echoed.parts)).toBe(digest([back]));
  });

  it("keeps what it has given out as it was", async () => {
    const { heard, peer } = await ends();
    const parts = Array.from({ length: 200 }, (_, i) => Buffer.alloc(50, i));
    for (const [i, part] of parts.entries()) {
      peer.write(part);
      await eventually("it has come", () => heard.bytes === 50 * (i + 1), { everyMs: 1 });
    }
    expect(Buffer.concat(heard.parts).equals(Buffer.concat(parts))).toBe(true);
  });

  it("never mixes up what several sockets bring, little and much, whoever holds it", async () => {
    const all: { heard: Received; sent: Buffer[] }[] = [];
    for (let n = 0; n < 3; n++) {
      const { heard, peer } = await ends();
      const sent = Array.from({ length: 40 }, (_, i) => randomBytes(i % 10 === 9 ? 200_000 : 20 + i));
      for (const part of sent) peer.write(part);
      all.push({ heard, sent });
    }
    for (const { heard, sent } of all) {
      const length = sent.reduce((sum, part) => sum + part.length, 0);
      await eventually("all has come", () => heard.bytes === length);
      expect(digest(heard.parts)).toBe(digest(sent));
    }
  });

  it("keeps little memory for a small part, also of one who brought much before", async () => {
    const { heard, peer } = await ends();
    peer.write(randomBytes(1_000_000));
    await eventually("much", () => heard.bytes === 1_000_000);
    for (let i = 1; i <= 3; i++) {
      peer.write(Buffer.alloc(100));
      await eventually("little", () => heard.bytes === 1_000_000 + 100 * i, { everyMs: 1 });
      expect(heard.parts.at(-1)?.buffer.byteLength).toBeLessThanOrEqual(64 * 1024);
    }
    if (direct) expect(heard.parts.at(-1)?.buffer.byteLength).toBeLessThanOrEqual(16 * 1024);
  });

  it.each([20_000, 100_000])("has no buffer of its own after a request of %d bytes", async (bytes) => {
    const { own, heard, peer } = await ends();
    peer.write(randomBytes(bytes));
    await eventually("it has come", () => heard.bytes === bytes);
    const handle: object = handleOf(own.socket) ?? {};
    const buffers = Object.getOwnPropertySymbols(handle).filter(({ description }) =>
      description?.startsWith("buffer of its own"),
    );
    expect(buffers.map((symbol) => Reflect.get(handle, symbol))).toEqual(direct ? [undefined] : []);
  });

  it("says no while the peer does not read, and tells when all has gone", async () => {
    const { own, heard, peer } = await ends();
    peer.pause();
    const sent: Buffer[] = [];
    let more = true;
    while (more && sent.length < 1000) {
      const part = randomBytes(64 * 1024);
      sent.push(part);
      more = own.write(part);
    }
    expect(more).toBe(false);
    expect(own.flushed).toBe(false);
    // What nobody has waited for goes behind it.
    for (const last of [randomBytes(100), randomBytes(100_000)]) {
      sent.push(last);
      own.write(last);
    }
    expect(heard.drains).toBe(0);
    const there = new Received();
    peer.on("data", (segment: Buffer) => there.received(segment));
    peer.resume();
    await eventually("it is told", () => heard.drains > 0 && own.flushed);
    const all = sent.reduce((sum, { length }) => sum + length, 0);
    await eventually("all has come", () => there.bytes === all);
    expect(digest(there.parts)).toBe(digest(sent));
  });

  /** A peer that sends as fast as it can, 16 MB; `heard` is told how much came in which turn of the event loop. */
  async function flood(): Promise<Ends & { readonly sent: Buffer; readonly byTurn: number[] }> {
    const all = await ends();
    const sent = randomBytes(16_000_000);
    const byTurn: number[] = [0];
    const count = (): void => {
      if (all.heard.bytes === sent.length) return;
      byTurn.push(0);
      setImmediate(count);
    };
    setImmediate(count);
    all.heard.onPart = () => {
      byTurn.push((byTurn.pop() ?? 0) + (all.heard.parts.at(-1)?.length ?? 0));
    };
    all.peer.write(sent);
    return { ...all, sent, byTurn };
  }

  it("lets others have their turn when a peer sends as fast as it can, and loses nothing of it", async () => {
    const { heard, sent, byTurn } = await flood();
    await eventually("all has come", () => heard.bytes === sent.length);
    expect(digest(heard.parts)).toBe(digest([sent]));
    if (direct && !secure) expect(Math.max(...byTurn)).toBeLessThanOrEqual(8 * 64 * 1024);
  });

  it.skipIf(secure || !direct)("stays paused when that is said before its next turn", async () => {
    const { own, heard, sent, byTurn } = await flood();
    const { onPart } = heard;
    heard.onPart = () => {
      onPart?.();
      if ((byTurn.at(-1) ?? 0) >= 8 * 64 * 1024) own.pause();
    };
    let pauses = 0;
    while (heard.bytes < sent.length) {
      await eventually("it is paused", () => own.paused || heard.bytes === sent.length, { everyMs: 1 });
      if (!own.paused) break;
      pauses += 1;
      const { bytes } = heard;
      for (let turns = 0; turns < 3; turns++) await new Promise(setImmediate);
      expect(heard.bytes).toBe(bytes);
      own.resume();
    }
    expect(pauses).toBeGreaterThan(0);
    expect(digest(heard.parts)).toBe(digest([sent]));
  });

  it("reads nothing while it is paused, so that the peer has to wait", async () => {
    const { own, heard, peer } = await ends();
    peer.write("a");
    await eventually("the first byte", () => heard.text === "a");
    own.pause();
    expect(own.paused).toBe(true);
    const block = Buffer.alloc(64 * 1024, 98);
    let bytes = 1;
    while (bytes < 64_000_000 && peer.writableLength < 1_000_000) {
      peer.write(block);
      bytes += block.length;
      await new Promise(setImmediate);
    }
    // Of what the kernel holds for both of them, not more than one read's worth has been taken.
    expect(heard.bytes).toBeLessThan(200_000);
    expect(peer.writableLength).toBeGreaterThan(500_000);
    own.resume();
    expect(own.paused).toBe(false);
    await eventually("the rest", () => heard.bytes === bytes);
  });

  it("hears the end behind the last byte, and can still answer", async () => {
    const { own, heard, peer } = await ends();
    let textAtEnd: string | undefined;
    own.socket.on("end", () => {
      textAtEnd = heard.text;
      own.write(Buffer.from("an"));
      own.socket.end("swer");
    });
    const answer = new Received();
    peer.on("data", (segment: Buffer) => answer.received(segment));
    peer.write("all ");
    peer.end("of it");
    await once(peer, "end");
    expect(textAtEnd).toBe("all of it");
    expect(answer.text).toBe("answer");
  });

  it("sends what was written before it ends, also to a peer that reads late", async () => {
    const { own, peer } = await ends();
    peer.pause();
    const sent: Buffer[] = [];
    do sent.push(randomBytes(100_000));
    while (own.write(sent.at(-1) as Buffer) && sent.length < 1000);
    own.socket.end("the end");
    sent.push(Buffer.from("the end"));
    const there = new Received();
    peer.on("data", (segment: Buffer) => there.received(segment));
    peer.resume();
    await once(peer, "end");
    expect(digest(there.parts)).toBe(digest(sent));
  });

  it("is closed where the peer resets, and takes writes after that without harm", async () => {
    const { own, carrier } = await ends();
    const closed = closeOf(own.socket);
    carrier.resetAndDestroy();
    await eventually("it is closed", () => {
      own.write(Buffer.from("x"));
      return own.socket.destroyed;
    });
    await closed;
    expect(own.write(Buffer.from("x"))).toBe(false);
    own.pause();
    own.resume();
  });

  it("can be destroyed from inside of what it tells, and while a write is under way", async () => {
    const { own, heard, peer } = await ends();
    peer.pause();
    while (own.write(Buffer.alloc(1_000_000)));
    let drains: number | undefined;
    heard.onPart = () => {
      drains = heard.drains;
      own.socket.destroy();
    };
    const closed = closeOf(own.socket);
    peer.write(Buffer.alloc(300_000));
    await closed;
    const { bytes } = heard;
    await new Promise(setImmediate);
    expect(heard.bytes).toBe(bytes);
    expect(heard.drains).toBe(drains);
  });

  it("reads much into one buffer, as long as it is told that nobody holds what was in it", async () => {
    const { own, peer } = await ends();
    const bytes = randomBytes(8_000_000);
    const buffers = new Set<ArrayBufferLike>();
    const [kept, copies, order]: [Buffer[], Buffer[], boolean[]] = [[], [], []];
    let length = 0;
    const borrower = {
      received(segment: Buffer) {
        length += segment.length;
        buffers.add(segment.buffer);
        // Ten that are not held, ten that are, and so on.
        const holds = Math.floor(order.length / 10) % 2 === 1;
        order.push(holds);
        if (holds) kept.push(segment);
        else copies.push(Buffer.from(segment));
        return !holds;
      },
      drained: () => undefined,
    };
    new DirectSocket(own.socket, direct).begin(borrower);
    peer.write(bytes);
    await eventually("all has come", () => length === bytes.length);
    // What was held is still what it was.
    const all = order.map((holds) => (holds ? kept : copies).shift() as Buffer);
    expect(digest(all)).toBe(digest([bytes]));
    if (direct) expect(buffers.size).toBeLessThan(order.length);
  });

  it("gives on what the stream had read before it began", async () => {
    const { own, peer } = await ends();
    const second = new DirectSocket(own.socket, direct);
    const heard = new Received();
    // By the stream: as a client's first message that comes with the last one of its login.
    own.socket.pause();
    own.socket.push(Buffer.from("early, "));
    own.socket.resume();
    second.begin(heard);
    peer.write("and late");
    await eventually("both", () => heard.text === "early, and late");
  });
});
