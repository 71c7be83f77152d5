import { Duplex } from "node:stream";
import { Deadline, FakeClock } from "@sluice/shared/time";
import { describe, expect, it } from "vitest";
import type { ServerSocket } from "../transport/index.js";
import { logIn, type ServerCredentials } from "./login.js";

const int32 = (value: number): Buffer => {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(value);
  return bytes;
};
const message = (type: string, body: Buffer): Buffer =>
  Buffer.concat([Buffer.from(type), int32(body.length + 4), body]);

const NOTICE = message("N", Buffer.alloc(8 * 1024));
const SHORTEST_NOTICE = message("N", Buffer.alloc(0));
const AUTHENTICATION_OK = message("R", int32(0));
const REST = Buffer.concat([
  message("K", Buffer.concat([int32(1), int32(2)])),
  message("Z", Buffer.from("I")),
]);

/** Says something to each message that it gets, and then `end` for as long as somebody reads. */
class TalkingSocket extends Duplex {
  readonly #answers: ((to: Buffer) => Buffer)[];
  readonly #end: Buffer;
  saidBytes = 0;

  constructor(answers: readonly ((to: Buffer) => Buffer)[], end: Buffer = Buffer.alloc(0)) {
    super();
    this.#answers = [...answers];
    this.#end = end;
  }

  override _read(): void {
    if (this.#answers.length > 0 || this.#end.length === 0) return;
    setImmediate(() => this.#say(this.#end));
  }

  override _write(chunk: Buffer, _encoding: unknown, done: () => void): void {
    const answer = this.#answers.shift();
    if (answer !== undefined) this.#say(answer(chunk));
    done();
  }

  #say(bytes: Buffer): void {
    this.saidBytes += bytes.length;
    this.push(bytes);
  }
}

const offer = (): Buffer => message("R", Buffer.concat([int32(10), Buffer.from("SCRAM-SHA-256\0\0")]));
const challenge = (to: Buffer): Buffer => {
  const nonce = /r=(.*)$/.exec(to.toString("latin1"))?.[1] ?? "";
  return message("R", Buffer.concat([int32(11), Buffer.from(`r=${nonce}x,s=c2FsdA==,i=4096`)]));
};

function begin(
  socket: TalkingSocket,
  scramKeys: ServerCredentials["scramKeys"] = () => new Promise(() => undefined),
) {
  const credentials: ServerCredentials = { user: "u", scramKeys, password: undefined };
  const deadline = Deadline.after(new FakeClock(), 1000);
  return logIn(socket as unknown as ServerSocket, credentials, "d", deadline);
}

const turns = async (count: number): Promise<void> => {
  for (let i = 0; i < count; i++) await new Promise((resolve) => setImmediate(resolve));
};

describe("a login to a server", () => {
  it("reads no more than a little ahead while a password is hashed, and goes on from there", async () => {
    const socket = new TalkingSocket([offer, challenge], NOTICE);
    let hashed: () => void = () => undefined;
    const login = begin(
      socket,
      () =>
        new Promise((resolve) => {
          hashed = () => resolve({ clientKey: Buffer.alloc(32), serverKey: Buffer.alloc(32) });
        }),
    );
    await turns(3000);
    expect(socket.saidBytes).toBeGreaterThan(64 * 1024);
    expect(socket.saidBytes).toBeLessThan(256 * 1024);
    hashed();
    await expect(login).rejects.toThrow("too much from the server");
    expect(socket.saidBytes).toBeGreaterThan(512 * 1024);
  });

  it("takes what comes in front of the greeting, and ends after a thousand messages", async () => {
    const notices = (count: number): Buffer =>
      Buffer.concat(Array.from({ length: count }, () => SHORTEST_NOTICE));
    const talk = (count: number) =>
      begin(new TalkingSocket([() => Buffer.concat([AUTHENTICATION_OK, notices(count), REST])]));
    expect(await talk(900)).toMatchObject({ pid: 1 });
    await expect(talk(2000)).rejects.toThrow("too many messages");
  });
});
