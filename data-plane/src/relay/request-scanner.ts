import { Frontend, isFrontendType, MalformedMessage } from "../wire/index.js";
import type { Ledger } from "./ledger.js";
import { Effect, StatementScanner } from "./statement-scanner.js";

/**
 * Hot path: follows a client's messages through segments that are cut anywhere, looks at the few bytes that
 * matter and leaves everything where it lies. Nothing is allocated for a whole message in one segment.
 */
export interface RequestFindings {
  /** The session must keep its server from now on. */
  pins: boolean;
  /** DISCARD ALL was among the statements. */
  discardsAll: boolean;
  /** A Bind or Describe names the unnamed statement though this batch, and this server, has no Parse for it. */
  usesUnnamed: boolean;
  /** Where the segment ends for the server: offset of a Terminate, else its length. */
  end: number;
  terminates: boolean;
}

enum Part {
  skip = 0,
  /** Parse: the statement's name. */
  parseName = 1,
  /** Parse and Query: the text. */
  text = 2,
  /** Bind: the portal's name. */
  bindPortal = 3,
  /** Bind: the first byte of the statement's name. */
  bindStatement = 4,
  /** Describe and Close: `S` or `P`. */
  describeKind = 5,
  describeName = 6,
}

export class RequestScanner {
  readonly findings: RequestFindings = {
    pins: false,
    discardsAll: false,
    usesUnnamed: false,
    end: 0,
    terminates: false,
  };
  readonly #ledger: Ledger;
  readonly #statements: StatementScanner;
  readonly #header = Buffer.alloc(5);
  #headerLength = 0;
  #remaining = 0;
  #type = 0;
  #part: number = Part.skip;
  #nameEmpty = true;
  /** Extended-protocol messages went out that no Sync has closed. */
  #unsynced = false;
  /** A Parse of the unnamed statement went to the server in hand. */
  #unnamedParsed = false;
  /** The batch has a Parse and no Bind: its statement is wanted later. */
  #described = false;

  constructor(ledger: Ledger, reported: (name: string) => boolean) {
    this.#ledger = ledger;
    this.#statements = new StatementScanner(reported);
  }

  /** At a boundary: no half message, no open batch, no statement that the client will come back for. */
  get settled(): boolean {
    return this.#headerLength === 0 && this.#remaining === 0 && !this.#unsynced && !this.#described;
  }

  get insideMessage(): boolean {
    return this.#headerLength > 0 || this.#remaining > 0;
  }

  /** Another server is in hand. */
  serverChanged(): void {
    this.#unnamedParsed = false;
    this.#described = false;
  }

  /** Throws MalformedMessage; nothing of the segment must then be sent on. */
  scan(segment: Buffer): RequestFindings {
    const findings = this.findings;
    findings.pins = false;
    findings.discardsAll = false;
    findings.usesUnnamed = false;
    findings.terminates = false;
    findings.end = segment.length;
    const end = segment.length;
    let at = 0;
    while (at < end) {
      if (this.#remaining === 0) {
        const start = at;
        const begunEarlier = this.#headerLength;
        let length: number;
        if (this.#headerLength === 0 && end - at >= 5) {
          this.#type = segment[at] as number;
          length = segment.readInt32BE(at + 1);
          at += 5;
        } else {
          const wanted = Math.min(5 - this.#headerLength, end - at);
          segment.copy(this.#header, this.#headerLength, at, at + wanted);
          this.#headerLength += wanted;
          at += wanted;
          // The type is checked as soon as it is there: a stranger to the protocol is not waited for.
          if (!isFrontendType(this.#header[0] as number)) throw new MalformedMessage("unknown message type");
          if (this.#headerLength < 5) return findings;
          this.#headerLength = 0;
          this.#type = this.#header[0] as number;
          length = this.#header.readInt32BE(1);
        }
        if (length < 4) throw new MalformedMessage("bad message length");
        if (!isFrontendType(this.#type) || this.#type === Frontend.Password) {
          throw new MalformedMessage(`unexpected message type 0x${this.#type.toString(16)}`);
        }
        if (this.#type === Frontend.Terminate) {
          findings.end = start;
          findings.terminates = true;
          // What came in earlier segments has gone to the server, which is now inside a message.
          this.#headerLength = begunEarlier;
          return findings;
        }
        this.#remaining = length - 4;
        this.#beginBody();
        if (this.#remaining === 0) this.#endMessage();
      } else {
        const bodyEnd = Math.min(end, at + this.#remaining);
        if (this.#part !== Part.skip) this.#inspect(segment, at, bodyEnd);
        this.#remaining -= bodyEnd - at;
        at = bodyEnd;
        if (this.#remaining === 0) this.#endMessage();
      }
    }
    return findings;
  }

  #beginBody(): void {
    this.#nameEmpty = true;
    switch (this.#type) {
      case Frontend.Query:
        this.#part = Part.text;
        this.#statements.begin();
        break;
      case Frontend.Parse:
        this.#part = Part.parseName;
        this.#unsynced = true;
        break;
      case Frontend.Bind:
        this.#part = Part.bindPortal;
        this.#unsynced = true;
        break;
      case Frontend.Describe:
        this.#part = Part.describeKind;
        this.#unsynced = true;
        break;
      case Frontend.Close:
      case Frontend.Execute:
      case Frontend.Flush:
        this.#part = Part.skip;
        this.#unsynced = true;
        break;
      default:
        this.#part = Part.skip;
    }
  }

  #inspect(segment: Buffer, from: number, to: number): void {
    let at = from;
    while (at < to) {
      switch (this.#part) {
        case Part.text: {
          const zero = segment.indexOf(0, at);
          const textEnd = zero === -1 || zero > to ? to : zero;
          this.#statements.feed(segment, at, textEnd);
          if (textEnd < to) this.#part = Part.skip;
          return;
        }
        case Part.parseName:
          if (segment[at] === 0) {
            if (!this.#nameEmpty) this.findings.pins = true;
            else {
              this.#unnamedParsed = true;
              this.#described = true;
            }
            this.#part = Part.text;
            this.#statements.begin();
          } else this.#nameEmpty = false;
          at += 1;
          break;
        case Part.bindPortal:
          if (segment[at] === 0) this.#part = Part.bindStatement;
          at += 1;
          break;
        case Part.bindStatement:
          if (segment[at] === 0) {
            if (!this.#unnamedParsed) this.findings.usesUnnamed = true;
            this.#described = false;
          }
          this.#part = Part.skip;
          return;
        case Part.describeKind:
          this.#part = segment[at] === 0x53 ? Part.describeName : Part.skip;
          at += 1;
          break;
        case Part.describeName:
          if (segment[at] === 0 && !this.#unnamedParsed) this.findings.usesUnnamed = true;
          this.#part = Part.skip;
          return;
        default:
          return;
      }
    }
  }

  #endMessage(): void {
    switch (this.#type) {
      case Frontend.Query:
        this.#applyEffect();
        this.#ledger.query();
        // A simple query destroys the unnamed statement.
        this.#unnamedParsed = false;
        this.#described = false;
        break;
      case Frontend.Parse:
        this.#applyEffect();
        break;
      case Frontend.FunctionCall:
        this.#ledger.query();
        break;
      case Frontend.Sync:
        this.#ledger.sync();
        this.#unsynced = false;
        break;
      case Frontend.CopyDone:
      case Frontend.CopyFail:
        this.#ledger.copyEnd();
        break;
    }
  }

  #applyEffect(): void {
    const effect = this.#statements.end();
    if (effect & Effect.pins) this.findings.pins = true;
    if (effect & Effect.discardsAll) this.findings.discardsAll = true;
  }
}
