import { createHash } from "node:crypto";
import net, { type Socket } from "node:net";
import tls, { type ConnectionOptions, type TLSSocket } from "node:tls";
import { ByteStream } from "./byte-stream.js";
import {
  cstring,
  errorFields,
  int32,
  message,
  query,
  type RawMessage,
  SSL_REQUEST,
  startup,
} from "./protocol.js";
import { ScramPeer } from "./scram-peer.js";

export interface LoginOptions {
  readonly password: string;
  /** Uses SCRAM-SHA-256-PLUS with this certificate's binding. */
  readonly plus?: boolean;
}

export interface LoggedIn {
  readonly parameters: ReadonlyMap<string, string>;
  readonly pid: number;
  readonly secret: Buffer;
}

/** A client of the Postgres protocol that does exactly what it is told, byte by byte. */
export class RawClient {
  #socket: Socket;
  #stream: ByteStream;

  private constructor(socket: Socket, waitMs?: number) {
    this.#socket = socket;
    this.#stream = new ByteStream(socket, waitMs);
  }

  /** `waitMs` bounds each wait for something to come. */
  static async connect(
    port: number,
    host = "127.0.0.1",
    localAddress?: string,
    waitMs?: number,
  ): Promise<RawClient> {
    const socket = net.connect({
      host,
      port,
      noDelay: true,
      allowHalfOpen: true,
      ...(localAddress === undefined ? {} : { localAddress }),
    });
    await opened(socket, "connect");
    return new RawClient(socket, waitMs);
  }

  get socket(): Socket {
    return this.#socket;
  }

  get error(): Error | undefined {
    return this.#stream.error;
  }

  send(...parts: Uint8Array[]): this {
    this.#socket.write(Buffer.concat(parts));
    return this;
  }

  /** One write a byte, each in a segment of its own as far as the kernel allows. */
  async trickle(bytes: Buffer): Promise<void> {
    for (const byte of bytes) {
      await new Promise<void>((resolve, reject) =>
        this.#socket.write(Buffer.of(byte), (error) => (error ? reject(error) : resolve())),
      );
    }
  }

  bytes(count: number): Promise<Buffer> {
    return this.#stream.bytes(count);
  }

  message(): Promise<RawMessage> {
    return this.#stream.message();
  }

  /** The next message, which must be of this type. */
  async expect(type: string): Promise<Buffer> {
    const got = await this.message();
    if (got.type !== type) {
      const told = got.type === "E" ? JSON.stringify(errorFields(got.body)) : got.body.toString("latin1");
      throw new Error(`expected ${type}, got ${got.type}: ${told}`);
    }
    return got.body;
  }

  /** The fields of the error that comes next; nothing may follow it. */
  async refusal(): Promise<Readonly<Record<string, string>>> {
    const fields = errorFields(await this.expect("E"));
    const rest = await this.#stream.rest();
    if (rest.length > 0) throw new Error(`bytes behind the error: ${rest.toString("latin1")}`);
    this.close();
    return fields;
  }

  /** All bytes up to the other side's close. */
  rest(): Promise<Buffer> {
    return this.#stream.rest();
  }

  /** TLS from here on, without asking. */
  async startTls(options: ConnectionOptions = {}): Promise<TLSSocket> {
    this.#stream.release();
    const secure = tls.connect({ socket: this.#socket, rejectUnauthorized: false, ...options });
    await opened(secure, "secureConnect");
    this.#socket = secure;
    this.#stream = new ByteStream(secure);
    return secure;
  }

  /** SSLRequest, and TLS after the `S`. */
  async requestTls(options: ConnectionOptions = {}): Promise<TLSSocket> {
    this.send(SSL_REQUEST);
    const answer = (await this.bytes(1)).toString("latin1");
    if (answer !== "S") throw new Error(`the answer to SSLRequest was ${answer}`);
    return await this.startTls(options);
  }

  /** From the StartupMessage to ReadyForQuery, with SCRAM. */
  async logIn(
    parameters: Readonly<Record<string, string>>,
    options: LoginOptions,
    version?: number,
  ): Promise<LoggedIn> {
    this.send(startup(parameters, version));
    await this.authenticate(options);
    return await this.greeting();
  }

  /** What the server's certificate gives for `tls-server-end-point`, by SHA-256. */
  endPoint(): Buffer {
    const { raw } = (this.#socket as TLSSocket).getPeerCertificate();
    return createHash("sha256").update(raw).digest();
  }

  async authenticate({ password, plus = false }: LoginOptions): Promise<void> {
    const peer = new ScramPeer(
      password,
      plus ? { gs2: "p=tls-server-end-point,,", binding: this.endPoint() } : {},
    );
    await this.mechanisms();
    this.send(saslInitial(plus ? "SCRAM-SHA-256-PLUS" : "SCRAM-SHA-256", peer.first()));
    const { message: final, serverSignature } = peer.final(await this.saslContinue());
    this.send(message("p", Buffer.from(final)));
    const last = await this.expect("R");
    if (last.readInt32BE(0) !== 12 || last.toString("latin1", 4) !== `v=${serverSignature}`)
      throw new Error(`wrong proof of the server: ${last.toString("latin1")}`);
    if (!(await this.expect("R")).equals(int32(0))) throw new Error("expected AuthenticationOk");
  }

  /** AuthenticationSASL's list. A NegotiateProtocolVersion before it is passed over. */
  async mechanisms(): Promise<string[]> {
    let got = await this.message();
    if (got.type === "v") got = await this.message();
    if (got.type === "E") throw new Error(`refused: ${JSON.stringify(errorFields(got.body))}`);
    if (got.type !== "R" || got.body.readInt32BE(0) !== 10)
      throw new Error(`expected AuthenticationSASL, got ${got.type} ${got.body.toString("hex")}`);
    return got.body
      .toString("latin1", 4)
      .split("\0")
      .filter((name) => name !== "");
  }

  async saslContinue(): Promise<string> {
    const body = await this.expect("R");
    if (body.readInt32BE(0) !== 11)
      throw new Error(`expected AuthenticationSASLContinue, got ${body.toString("hex")}`);
    return body.toString("utf8", 4);
  }

  async greeting(): Promise<LoggedIn> {
    const parameters = new Map<string, string>();
    let pid = 0;
    let secret: Buffer = Buffer.alloc(0);
    for (;;) {
      const { type, body } = await this.message();
      if (type === "S") {
        const [name = "", value = ""] = body.toString("utf8").split("\0");
        parameters.set(name, value);
      } else if (type === "K") {
        pid = body.readInt32BE(0);
        secret = Buffer.from(body.subarray(4));
      } else if (type === "Z") {
        return { parameters, pid, secret };
      } else {
        throw new Error(`${type} in the greeting: ${JSON.stringify(errorFields(body))}`);
      }
    }
  }

  /** A simple query: the values of its rows as text. An ErrorResponse rejects with its fields in the message. */
  async query(sql: string): Promise<string[][]> {
    this.send(query(sql));
    const rows: string[][] = [];
    let error: Error | undefined;
    for (;;) {
      const { type, body } = await this.message();
      if (type === "D") rows.push(rowOf(body));
      if (type === "E") error = new Error(JSON.stringify(errorFields(body)));
      if (type === "Z") break;
    }
    if (error !== undefined) throw error;
    return rows;
  }

  close(): void {
    this.#socket.on("error", () => undefined);
    this.#socket.destroy();
  }
}

export function saslInitial(mechanism: string, first: string, length = Buffer.byteLength(first)): Buffer {
  return message("p", Buffer.concat([cstring(mechanism), int32(length), Buffer.from(first)]));
}

/** The values of a DataRow, NULL as its name. */
export function rowOf(body: Buffer): string[] {
  const values: string[] = [];
  let at = 2;
  for (let left = body.readInt16BE(0); left > 0; left--) {
    const length = body.readInt32BE(at);
    at += 4;
    values.push(length === -1 ? "NULL" : body.toString("utf8", at, at + length));
    at += Math.max(length, 0);
  }
  return values;
}

function opened(socket: Socket, event: "connect" | "secureConnect"): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.once(event, () => {
      socket.off("error", reject);
      resolve();
    });
    socket.once("error", reject);
    socket.once("close", () => reject(new Error(`closed before ${event}`)));
  });
}
