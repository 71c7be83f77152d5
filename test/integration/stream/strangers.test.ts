import { type ClientHttp2Session, type ClientHttp2Stream, connect } from "node:http2";
import { connect as connectTcp, type Socket } from "node:net";
import { Code, ConnectError } from "@connectrpc/connect";
import type { StreamLimits } from "@sluice/control-plane/stream/index";
import { openStreamClient } from "@sluice/data-plane/subscription/stream-client";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { eventually } from "../../support/eventually.js";
import { holds, StreamRig } from "./stream-rig.js";

const REPORT = "/sluice.stream.v1.ConfigService/Report";
/** Sixteen of them are less than Node's client lets wait on one connection. */
const LARGE = Buffer.alloc(512 * 1024);

interface Answered {
  readonly stream: ClientHttp2Stream;
  readonly status: () => number | undefined;
  readonly body: () => string;
  readonly isClosed: () => boolean;
}

/** Whoever reaches the stream's port, and has nothing to show there. */
describe("a stranger at the stream's port", () => {
  let rig: StreamRig;
  const sessions: ClientHttp2Session[] = [];
  const sockets: Socket[] = [];

  beforeEach(async () => {
    rig = await StreamRig.open();
  });

  afterEach(async () => {
    for (const session of sessions.splice(0)) session.destroy();
    for (const socket of sockets.splice(0)) socket.destroy();
    await rig.close();
  });

  const within = async (limits: Partial<StreamLimits>): Promise<void> => {
    await rig.stopServer();
    await rig.startServer(limits);
  };
  const session = (): ClientHttp2Session => {
    const made = connect(`https://127.0.0.1:${rig.port}`, { ca: rig.certificate });
    made.on("error", () => undefined);
    sessions.push(made);
    return made;
  };
  const tcp = async (): Promise<Socket> => {
    const socket = connectTcp({ host: "127.0.0.1", port: rig.port });
    socket.on("error", () => undefined);
    sockets.push(socket);
    await new Promise<void>((resolve) => socket.once("connect", () => resolve()));
    socket.resume();
    return socket;
  };
  /** The head of a report. Its message is for the test to send. */
  const report = (over: ClientHttp2Session, token?: string): Answered => {
    const stream = over.request(
      {
        ":method": "POST",
        ":path": REPORT,
        "content-type": "application/proto",
        "connect-protocol-version": "1",
        ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      },
      { endStream: false },
    );
    let status: number | undefined;
    let body = "";
    let closed = false;
    stream.on("error", () => undefined);
    stream.on("response", (headers) => {
      status = headers[":status"];
    });
    stream.on("data", (piece) => {
      body += String(piece);
    });
    stream.on("close", () => {
      closed = true;
    });
    return { stream, status: () => status, body: () => body, isClosed: () => closed };
  };

  it("is answered by its head: of a message that never ends nothing is waited for, or kept", async () => {
    await within({ requestMs: 1000 });
    const over = session();
    const calls = Array.from({ length: 16 }, () => report(over));
    for (const { stream } of calls) stream.write(LARGE);
    for (const call of calls) {
      await eventually("an answer", () => call.status());
      expect(call.status()).toBe(401);
      await eventually("the end of the stream", () => call.isClosed());
      expect(JSON.parse(call.body())).toEqual({
        code: "unauthenticated",
        message: "data-plane token refused: there is none",
      });
    }
  });

  it("is told by both calls what it was told before, also under a large message", async () => {
    const tls = { ca: rig.certificate, clientCertificate: undefined };
    const { calls, close } = openStreamClient(`https://127.0.0.1:${rig.port}`, tls, "no.token.here");
    const codeOf = (call: Promise<unknown>) =>
      call.then(
        () => "taken",
        (error: unknown) => [ConnectError.from(error).code, ConnectError.from(error).rawMessage],
      );
    const refusal = [Code.Unauthenticated, expect.stringContaining("data-plane token refused")];
    const value = { help: LARGE.toString("latin1"), name: "x", type: "gauge" };
    const outcome = { case: "status" as const, value: { metrics: [value] } };
    for (let time = 0; time < 5; time += 1)
      expect(await codeOf(calls.report({ instance: "an-instance", outcome }))).toEqual(refusal);
    expect(await codeOf(calls.watch({})[Symbol.asyncIterator]().next())).toEqual(refusal);
    close();
  });

  it("has its connection for so long, whatever it does on it; a data plane keeps its own", async () => {
    await within({ strangerMs: 300 });
    const dataPlane = await rig.startDataPlane();
    await holds(dataPlane, 1n);
    const silent = await tcp();
    const busy = session();
    await eventually("refused calls do not help", () => {
      if (!busy.closed && !busy.destroyed) report(busy).stream.end();
      return busy.destroyed;
    });
    await eventually("neither does silence", () => silent.destroyed);
    rig.publications.publish({ acme: "later.example" });
    await holds(dataPlane, 2n);
    expect(dataPlane.logger.count("connected to the control plane")).toBe(1);
  });

  it("has few connections: with one more the oldest is ended, and data planes come in all the same", async () => {
    await within({ strangers: 3 });
    const first = await tcp();
    const others = [await tcp(), await tcp()];
    const dataPlane = await rig.startDataPlane();
    await holds(dataPlane, 1n);
    await eventually("the oldest is ended", () => first.destroyed);
    await tcp();
    await tcp();
    await eventually("so is the next", () => others[0]?.destroyed === true);
    expect(dataPlane.subscription.status().connected).toBe(true);
    expect(others[1]?.destroyed).toBe(false);
  });

  it("keeps nobody waiting who ends the control plane", async () => {
    await tcp();
    const start = performance.now();
    await rig.stopServer();
    expect(performance.now() - start).toBeLessThan(5000);
  });

  it("with a token it has a message's time, and is told when that is over", async () => {
    await within({ requestMs: 200 });
    const call = report(session(), await rig.token());
    call.stream.write(LARGE.subarray(0, 1000));
    await eventually("the end of the stream", () => call.isClosed());
    expect(JSON.parse(call.body())).toEqual({
      code: "deadline_exceeded",
      message: "the request has not come within 200 ms",
    });
  });
});
