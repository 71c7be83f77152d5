/** What a text consists of, as far as anybody is interested: told in its order. */
export interface TextParts {
  /** The text that a dollar quote opens is read on as text: the body of DO. */
  readonly inBlock: boolean;
  /** A word begins with this byte: whether it is to be told. One that is not is told of by `otherWord`. */
  reads(first: number): boolean;
  /** In lower case, unless it is quoted; cut behind `LONGEST_WORD`. */
  word(word: string, quoted: boolean): void;
  otherWord(): void;
  /** A string begins: whether its text is to be told. */
  string(): boolean;
  /** The text of a string. */
  literal(text: string): void;
  /** A string with backslashes begins. */
  escapeString(): void;
  /** A parameter, or a dollar quote. */
  dollar(): void;
  dot(): void;
  semicolon(): void;
  open(): void;
  close(): void;
}

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
  /** A word that is none of ours. */
  otherWord = 9,
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
const DOT = 0x2e;

/** As long as PostgreSQL's own names; longer words are none of ours. */
export const LONGEST_WORD = 63;

/** Bytes of words: letters, digits, underscore, and everything outside ASCII. */
export const IS_WORD = new Uint8Array(256);
for (let byte = 0; byte < 256; byte++) {
  const letter = (byte | 0x20) >= 0x61 && (byte | 0x20) <= 0x7a && byte < 0x80;
  if (letter || byte === 0x5f || (byte >= 0x30 && byte <= 0x39) || byte >= 0x80) IS_WORD[byte] = 1;
}

/**
 * Hot path: takes the text of a query apart, byte by byte, without strings, quoted names, comments and dollar quotes
 * being taken for words. Resumable at every byte, since a text may come in any number of segments. A word that nobody
 * wants is passed over without being read.
 */
export class TextLexer {
  readonly #parts: TextParts;
  #where: number = Where.plain;
  #word = "";
  #previousByte = 0;
  #blockDepth = 0;
  #escaped = false;
  #tag = "";
  #tagMatch = "";
  #literal: string | undefined;

  constructor(parts: TextParts) {
    this.#parts = parts;
  }

  /** Begins a text. */
  begin(): void {
    this.#where = Where.plain;
    this.#word = "";
    this.#previousByte = 0;
    this.#literal = undefined;
  }

  /** Ends the text. */
  end(): void {
    if (this.#where === Where.word) this.#endWord(false);
  }

  feed(segment: Buffer, from: number, to: number): void {
    let i = from;
    while (i < to) {
      const byte = segment[i] as number;
      switch (this.#where) {
        case Where.otherWord:
          while (i < to && (IS_WORD[segment[i] as number] === 1 || segment[i] === DOLLAR)) i += 1;
          if (i < to) {
            this.#where = Where.plain;
            this.#parts.otherWord();
          }
          // What ended it is looked at as plain text.
          this.#previousByte = 0;
          continue;
        case Where.plain:
        case Where.word:
          this.#plain(byte);
          if ((this.#where as number) === Where.blockComment) {
            // The star that opens a comment does not close it: `/*/` is open.
            this.#previousByte = 0;
            i += 1;
            continue;
          }
          break;
        case Where.string:
          if (byte === QUOTE) {
            this.#where = Where.plain;
            if (this.#literal !== undefined) this.#parts.literal(this.#literal);
            this.#literal = undefined;
          } else if (this.#literal !== undefined && this.#literal.length <= LONGEST_WORD)
            this.#literal += String.fromCharCode(byte);
          break;
        case Where.escapeString:
          if (this.#escaped) this.#escaped = false;
          else if (byte === BACKSLASH) this.#escaped = true;
          else if (byte === QUOTE) this.#where = Where.plain;
          break;
        case Where.name:
          if (byte === DOUBLE_QUOTE) {
            this.#where = Where.plain;
            this.#endWord(true);
          } else if (this.#word.length <= LONGEST_WORD) this.#word += String.fromCharCode(byte);
          break;
        case Where.lineComment:
          if (byte === NEWLINE) this.#where = Where.plain;
          break;
        case Where.blockComment:
          if (byte === SLASH && this.#previousByte === STAR) {
            this.#blockDepth -= 1;
            this.#previousByte = 0;
            if (this.#blockDepth === 0) this.#where = Where.plain;
            i += 1;
            continue;
          }
          if (byte === STAR && this.#previousByte === SLASH) {
            this.#blockDepth += 1;
            this.#previousByte = 0;
            i += 1;
            continue;
          }
          break;
        case Where.dollarTag:
          if (byte === DOLLAR) {
            // The body of DO is read as if it were text; so are quotes inside it.
            this.#where = this.#parts.inBlock ? Where.plain : Where.dollarBody;
            this.#tag += "$";
            this.#tagMatch = "";
          } else if (IS_WORD[byte] === 1) this.#tag += String.fromCharCode(byte);
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
      i += 1;
    }
  }

  #plain(byte: number): void {
    if (IS_WORD[byte] === 1) {
      if (this.#where === Where.plain) {
        if (!this.#parts.reads(byte)) {
          this.#where = Where.otherWord;
          return;
        }
        this.#where = Where.word;
      }
      if (this.#word.length <= LONGEST_WORD)
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
        this.#parts.escapeString();
        return;
      }
      this.#endWord(false);
    }
    switch (byte) {
      case QUOTE:
        this.#where = Where.string;
        this.#literal = this.#parts.string() ? "" : undefined;
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
        this.#parts.dollar();
        break;
      case DOT:
        this.#parts.dot();
        break;
      case SEMICOLON:
        this.#parts.semicolon();
        break;
      case OPEN:
        this.#parts.open();
        break;
      case CLOSE:
        this.#parts.close();
        break;
    }
  }

  #endWord(quoted: boolean): void {
    const word = this.#word;
    this.#word = "";
    this.#parts.word(word, quoted);
  }

  #dollarBody(byte: number): void {
    const expected = this.#tag.charCodeAt(this.#tagMatch.length);
    if (byte === expected) {
      this.#tagMatch += String.fromCharCode(byte);
      if (this.#tagMatch.length === this.#tag.length) this.#where = Where.plain;
    } else this.#tagMatch = byte === DOLLAR ? "$" : "";
  }
}
