import { createHash } from "node:crypto";
import {
  cstring,
  errorFields,
  message,
  PROTOCOL_3_0,
  type RawMessage,
  splitMessage,
  startup,
} from "../../support/protocol.js";
import { RawClient, saslInitial } from "../../support/raw-client.js";
import { ScramPeer } from "../../support/scram-peer.js";

/** Where a script is played: at Postgres itself, or through the data plane. */
export interface Place {
  readonly port: number;
  /** An address of this machine that the client comes from. */
  readonly from: string;
  /** The startup packet's parameters for a role. */
  readonly parameters: (
    role: string,
    more: Readonly<Record<string, string>>,
  ) => Readonly<Record<string, string>>;
}

export interface ScramSteps {
  /** Default: SCRAM-SHA-256-PLUS when `plus`, else SCRAM-SHA-256. */
  readonly mechanism?: string;
  readonly plus?: boolean;
  readonly gs2?: string;
  /** Instead of the certificate's. */
  readonly binding?: Buffer;
  readonly changeFinal?: (final: string) => string;
}

/** File, line and routine of the server's source: the data plane has another. */
const OF_THE_SOURCE = new Set(["F", "L", "R"]);

/** A client that notes all that it is told, apart from what is random. */
export class LoginClient {
  readonly lines: string[] = [];
  readonly raw: RawClient;
  readonly #place: Place;

  private constructor(raw: RawClient, place: Place) {
    this.raw = raw;
    this.#place = place;
  }

  static async connect(place: Place): Promise<LoginClient> {
    return new LoginClient(await RawClient.connect(place.port, "127.0.0.1", place.from), place);
  }

  send(...parts: Uint8Array[]): void {
    this.raw.send(...parts);
  }

  startup(role: string, more: Readonly<Record<string, string>> = {}, version = PROTOCOL_3_0): void {
    this.send(startup(this.#place.parameters(role, more), version));
  }

  /** The answer to a request for encryption. */
  async byte(): Promise<string> {
    const byte = (await this.raw.bytes(1)).toString("latin1");
    this.lines.push(`byte ${byte}`);
    return byte;
  }

  async next(): Promise<RawMessage> {
    const got = await this.raw.message();
    this.lines.push(lineOf(got));
    return got;
  }

  /** Whatever the server asks for first. Undefined: it refused instead. */
  async asked(): Promise<RawMessage | undefined> {
    for (;;) {
      const got = await this.next();
      if (got.type === "R") return got;
      if (got.type === "E") return undefined;
    }
  }

  async password(text: string): Promise<void> {
    await this.asked();
    this.send(message("p", cstring(text)));
  }

  async md5(role: string, password: string): Promise<void> {
    const asked = await this.asked();
    if (asked?.body.readInt32BE(0) !== 5) return;
    const inner = md5(Buffer.from(password + role));
    const answer = md5(Buffer.concat([Buffer.from(inner), asked.body.subarray(4)]));
    this.send(message("p", cstring(`md5${answer}`)));
  }

  /** From AuthenticationSASL to the client's final message, which is sent. */
  async scram(password: string, steps: ScramSteps = {}): Promise<void> {
    const { plus = false, gs2 = plus ? "p=tls-server-end-point,," : "n,," } = steps;
    const binding = steps.binding ?? (plus ? this.raw.endPoint() : Buffer.alloc(0));
    const peer = new ScramPeer(password, { gs2, binding });
    if ((await this.asked()) === undefined) return;
    const mechanism = steps.mechanism ?? (plus ? "SCRAM-SHA-256-PLUS" : "SCRAM-SHA-256");
    this.send(saslInitial(mechanism, peer.first()));
    const challenge = await this.asked();
    if (challenge === undefined) return;
    const { message: final, serverSignature } = peer.final(challenge.body.toString("utf8", 4));
    this.send(message("p", Buffer.from((steps.changeFinal ?? ((same) => same))(final))));
    const last = await this.next();
    if (last.type === "R" && last.body.toString("latin1", 4) !== `v=${serverSignature}`)
      this.lines.push("the server's proof is wrong");
  }

  /** Notes all up to ReadyForQuery, or to the end of the connection. */
  async rest(): Promise<void> {
    for (;;) {
      let got: RawMessage;
      try {
        got = await this.next();
      } catch {
        break;
      }
      if (got.type !== "Z") continue;
      this.raw.close();
      return;
    }
    await this.closed();
  }

  /** Notes what comes before the end, message or not. */
  async closed(): Promise<void> {
    let held = await this.raw.rest();
    while (held.length > 0) {
      const split = readable(held);
      if (split === undefined && /^[SN]/.test(held.toString("latin1", 0, 1))) {
        this.lines.push(`byte ${held.toString("latin1", 0, 1)}`);
        held = held.subarray(1);
        continue;
      }
      if (split === undefined) {
        this.lines.push(`bytes ${JSON.stringify(held.toString("latin1"))}`);
        break;
      }
      this.lines.push(lineOf(split.message));
      held = split.rest;
    }
    this.lines.push("closed");
    this.raw.close();
  }
}

function md5(bytes: Uint8Array): string {
  return createHash("md5").update(bytes).digest("hex");
}

function readable(held: Buffer): ReturnType<typeof splitMessage> {
  try {
    return splitMessage(held);
  } catch {
    return undefined;
  }
}

function lineOf({ type, body }: RawMessage): string {
  switch (type) {
    case "R":
      return `R ${authentication(body)}`;
    case "K":
      return `K pid ${body.readInt32BE(0) > 0 ? "positive" : "not positive"}, secret of ${body.length - 4} bytes`;
    case "E":
    case "N":
      return `${type} ${Object.entries(errorFields(body))
        .filter(([letter]) => !OF_THE_SOURCE.has(letter))
        .map(([letter, text]) => `${letter}=${text}`)
        .join(" | ")}`;
    default:
      return `${type} ${JSON.stringify(body.toString("latin1"))}`;
  }
}

function authentication(body: Buffer): string {
  const code = body.readInt32BE(0);
  const text = body.toString("latin1", 4);
  if (code === 5) return `5 salt of ${body.length - 4} bytes`;
  if (code === 12) return `12 ${text.slice(0, 2)}${text.length} bytes`;
  if (code !== 11) return `${code} ${JSON.stringify(text)}`;
  const [, nonce = "", salt = "", iterations = ""] = /^r=([^,]*),s=([^,]*),i=(\d+)$/.exec(text) ?? [];
  return `11 nonce of ${nonce.length}, salt of ${Buffer.from(salt, "base64").length} bytes, i=${iterations}`;
}
