/**
 * Hot path: one pass over the text of each query, byte by byte, so that what a client leaves behind in its
 * session is known without a SQL parser. It skips strings, quoted names, comments and dollar quotes, and looks at
 * the first words of each statement and at a few words inside. Resumable at every byte, since a text may come in
 * any number of segments. About 3 ns a byte.
 *
 * What it cannot see: settings changed inside functions that are called.
 */

/** What a statement does to the session. */
export const Effect = {
  none: 0,
  /** Leaves something that is not tracked: the server must stay with this client. */
  pins: 1,
  /** DISCARD ALL: the session is as new. */
  discardsAll: 2,
} as const;

enum Where {
  plain = 0,
  word = 1,
  string = 2,
  escapeString = 3,
  name = 4,
  lineComment = 5,
  blockComment = 6,
  dollarTag = 7,
  dollarBody = 8,
}

const QUOTE = 0x27;
const DOUBLE_QUOTE = 0x22;
const BACKSLASH = 0x5c;
const DASH = 0x2d;
const SLASH = 0x2f;
const STAR = 0x2a;
const DOLLAR = 0x24;
const SEMICOLON = 0x3b;
const OPEN = 0x28;
const CLOSE = 0x29;
const NEWLINE = 0x0a;

/** Longer words are none of ours. */
const LONGEST_WORD = 40;

/** Session advisory locks; the `xact` forms end with the transaction. */
const LOCKS: ReadonlySet<string> = new Set([
  "pg_advisory_lock",
  "pg_advisory_lock_shared",
  "pg_try_advisory_lock",
  "pg_try_advisory_lock_shared",
]);

export class StatementScanner {
  /** Lower-case names that servers report when they change: what is set there is tracked by ParameterStatus. */
  readonly #reported: (name: string) => boolean;

  #where: number = Where.plain;
  #word = "";
  #previousByte = 0;
  #blockDepth = 0;
  #escaped = false;
  #tag = "";
  #tagMatch = "";
  #parens = 0;
  /** Depth at which a set_config call opened; -1: none. */
  #setConfigParens = -1;
  #lastWord = "";
  #words = 0;
  #first = "";
  #second = "";
  #third = "";
  #effect = 0;

  constructor(reported: (name: string) => boolean) {
    this.#reported = reported;
  }

  /** Begins a text. */
  begin(): void {
    this.#where = Where.plain;
    this.#word = "";
    this.#previousByte = 0;
    this.#effect = Effect.none;
    this.#beginStatement();
  }

  /** Ends the text: all that its statements do, joined. */
  end(): number {
    if (this.#where === Where.word) this.#endWord();
    this.#endStatement();
    return this.#effect;
  }

  feed(segment: Buffer, from: number, to: number): void {
    for (let i = from; i < to; i++) {
      const byte = segment[i] as number;
      switch (this.#where) {
        case Where.plain:
        case Where.word:
          this.#plain(byte);
          if ((this.#where as number) === Where.blockComment) {
            // The star that opens a comment does not close it: `/*/` is open.
            this.#previousByte = 0;
            continue;
          }
          break;
        case Where.string:
          if (byte === QUOTE) this.#where = Where.plain;
          break;
        case Where.escapeString:
          if (this.#escaped) this.#escaped = false;
          else if (byte === BACKSLASH) this.#escaped = true;
          else if (byte === QUOTE) this.#where = Where.plain;
          break;
        case Where.name:
          if (byte === DOUBLE_QUOTE) {
            this.#where = Where.plain;
            this.#endWord();
          } else if (this.#word.length < LONGEST_WORD) this.#word += String.fromCharCode(byte);
          break;
        case Where.lineComment:
          if (byte === NEWLINE) this.#where = Where.plain;
          break;
        case Where.blockComment:
          if (byte === SLASH && this.#previousByte === STAR) {
            this.#blockDepth -= 1;
            this.#previousByte = 0;
            if (this.#blockDepth === 0) this.#where = Where.plain;
            continue;
          }
          if (byte === STAR && this.#previousByte === SLASH) {
            this.#blockDepth += 1;
            this.#previousByte = 0;
            continue;
          }
          break;
        case Where.dollarTag:
          if (byte === DOLLAR) {
            this.#where = Where.dollarBody;
            this.#tag += "$";
            this.#tagMatch = "";
          } else if (isWordByte(byte)) this.#tag += String.fromCharCode(byte);
          else {
            // `$1` or a lone dollar.
            this.#where = Where.plain;
            this.#plain(byte);
          }
          break;
        case Where.dollarBody:
          this.#dollarBody(byte);
          break;
      }
      this.#previousByte = byte;
    }
  }

  #plain(byte: number): void {
    if (isWordByte(byte)) {
      this.#where = Where.word;
      if (this.#word.length < LONGEST_WORD)
        this.#word += String.fromCharCode(byte >= 0x41 && byte <= 0x5a ? byte + 32 : byte);
      return;
    }
    if (this.#where === Where.word) {
      if (byte === DOLLAR) return; // part of a name
      const prefix = this.#word;
      this.#where = Where.plain;
      if (byte === QUOTE && prefix === "e") {
        this.#word = "";
        this.#where = Where.escapeString;
        this.#escaped = false;
        return;
      }
      this.#endWord();
    }
    switch (byte) {
      case QUOTE:
        this.#where = Where.string;
        this.#lastWord = "'";
        break;
      case DOUBLE_QUOTE:
        this.#where = Where.name;
        break;
      case DASH:
        if (this.#previousByte === DASH) this.#where = Where.lineComment;
        break;
      case STAR:
        if (this.#previousByte === SLASH) {
          this.#where = Where.blockComment;
          this.#blockDepth = 1;
        }
        break;
      case DOLLAR:
        this.#where = Where.dollarTag;
        this.#tag = "$";
        this.#lastWord = "$";
        break;
      case SEMICOLON:
        this.#endStatement();
        this.#beginStatement();
        break;
      case OPEN:
        this.#parens += 1;
        break;
      case CLOSE:
        this.#parens -= 1;
        if (this.#setConfigParens === this.#parens) {
          this.#setConfigParens = -1;
          // is_local: gone with the transaction.
          if (this.#lastWord !== "true") this.#effect |= Effect.pins;
        }
        break;
    }
  }

  #dollarBody(byte: number): void {
    const expected = this.#tag.charCodeAt(this.#tagMatch.length);
    if (byte === expected) {
      this.#tagMatch += String.fromCharCode(byte);
      if (this.#tagMatch.length === this.#tag.length) this.#where = Where.plain;
    } else this.#tagMatch = byte === DOLLAR ? "$" : "";
  }

  #beginStatement(): void {
    this.#words = 0;
    this.#first = "";
    this.#second = "";
    this.#third = "";
    this.#lastWord = "";
    this.#parens = 0;
    this.#setConfigParens = -1;
  }

  #endWord(): void {
    const word = this.#word;
    this.#word = "";
    this.#words += 1;
    if (this.#words === 1) this.#first = word;
    else if (this.#words === 2) this.#second = word;
    else if (this.#words === 3) this.#third = word;
    const last = this.#lastWord;
    this.#lastWord = word;
    switch (word) {
      case "set_config":
        this.#setConfigParens = this.#parens;
        break;
      case "temp":
      case "temporary":
        if (
          last === "create" ||
          last === "into" ||
          last === "local" ||
          last === "global" ||
          last === "replace"
        ) {
          this.#effect |= Effect.pins;
        }
        break;
      case "pg_temp":
        if (this.#first === "create") this.#effect |= Effect.pins;
        break;
      case "hold":
        if (last === "with") this.#effect |= Effect.pins;
        break;
      default:
        if (word.length >= 16 && LOCKS.has(word)) this.#effect |= Effect.pins;
    }
  }

  #endStatement(): void {
    switch (this.#first) {
      case "set":
        this.#effect |= this.#effectOfSet();
        break;
      case "prepare":
        if (this.#second !== "transaction") this.#effect |= Effect.pins;
        break;
      case "reset":
      case "listen":
      case "load":
      case "do":
        this.#effect |= Effect.pins;
        break;
      case "discard":
        if (this.#second === "all") this.#effect |= Effect.discardsAll;
        break;
    }
  }

  #effectOfSet(): number {
    if (this.#second === "local" || this.#second === "transaction" || this.#second === "constraints")
      return Effect.none;
    const name = this.#second === "session" ? this.#third : this.#second;
    if (name === "time" || name === "names") return Effect.none; // TIME ZONE, NAMES: reported
    if (name === "session_authorization" || name === "role") return Effect.pins;
    return this.#reported(name) ? Effect.none : Effect.pins;
  }
}

function isWordByte(byte: number): boolean {
  return (
    (byte >= 0x61 && byte <= 0x7a) ||
    (byte >= 0x41 && byte <= 0x5a) ||
    byte === 0x5f ||
    (byte >= 0x30 && byte <= 0x39) ||
    byte >= 0x80
  );
}
