import { ADVISORY_LOCKS, ADVISORY_UNLOCKS, SEQUENCE_READERS } from "./effect.js";
import { IS_WORD } from "./text-lexer.js";

/**
 * Hot path: whether a text is one of the usual ones, in which `StatementScanner` would find nothing. It is asked of the
 * text of every query, and costs a tenth of the scanner (0.1 µs for the text of `pgbench -S`), because it keeps no state
 * between bytes and makes no words. What it is not sure of it leaves to the scanner, which alone says what a text does.
 */
export function isPlainText(text: Buffer, from: number, to: number): boolean {
  let at = from;
  let begins = true;
  while (at < to) {
    const start = at;
    at += 1;
    switch (KIND[text[start] as number]) {
      case Kind.word:
        while (at < to && KIND[text[at] as number] === Kind.word) at += 1;
        if (begins) {
          if (!beginsPlain(text, start, at)) return false;
          begins = false;
        } else if (matters(text, start, at)) return false;
        // A dollar is a part of a name; and behind an E the string has another end.
        if (text[at] === DOLLAR || (text[at] === QUOTE && isE(text, start, at))) return false;
        break;
      case Kind.quote:
        while (at < to && text[at] !== QUOTE) at += 1;
        at += 1;
        break;
      case Kind.doubleQuote:
        while (at < to && text[at] !== DOUBLE_QUOTE) at += 1;
        if (begins || matters(text, start + 1, at)) return false;
        at += 1;
        break;
      case Kind.dollar:
        // A parameter, and no quote.
        while (at < to && isDigit(text[at] as number)) at += 1;
        if (at === start + 1 || (at < to && isNamed(text[at] as number))) return false;
        break;
      case Kind.comment:
        // One alone is an operator.
        if (text[at] === text[start] || text[at] === STAR) return false;
        break;
      case Kind.dot:
        // What comes before it would be a part of the first word.
        if (begins) return false;
        break;
      case Kind.semicolon:
        begins = true;
        break;
    }
  }
  return true;
}

const QUOTE = 0x27;
const DOUBLE_QUOTE = 0x22;
const DOLLAR = 0x24;
const STAR = 0x2a;
const CASE = 0x20;

enum Kind {
  other = 0,
  word = 1,
  quote = 2,
  doubleQuote = 3,
  dollar = 4,
  /** What may begin one. */
  comment = 5,
  semicolon = 6,
  dot = 7,
}

const KIND = new Uint8Array(256);
for (let byte = 0; byte < 256; byte++) if (IS_WORD[byte] === 1) KIND[byte] = Kind.word;
for (const [character, kind] of [
  ["'", Kind.quote],
  ['"', Kind.doubleQuote],
  ["$", Kind.dollar],
  ["-", Kind.comment],
  ["/", Kind.comment],
  [";", Kind.semicolon],
  [".", Kind.dot],
] as const)
  KIND[character.charCodeAt(0)] = kind;

/** First words of statements that do nothing to the session but by what `WATCHED` names. */
const PLAIN_BEGINNINGS = [
  ...["select", "insert", "update", "delete", "with", "values"],
  ...["begin", "start", "commit", "end", "rollback", "savepoint", "release"],
].map((word) => Buffer.from(word));

/** Words that the scanner looks for inside of such statements. */
const WATCHED = [
  ...["temp", "temporary", "hold", "execute", "set_config"],
  ...[...SEQUENCE_READERS, ...ADVISORY_LOCKS, ...ADVISORY_UNLOCKS],
].map((word) => Buffer.from(word));

/** By a word's first and last letter, as bits: which lengths those have that are watched. */
const WATCHED_LENGTHS = new Uint32Array(1024);
for (const word of WATCHED) {
  const at = ends(word, 0, word.length);
  WATCHED_LENGTHS[at] = (WATCHED_LENGTHS[at] ?? 0) | (1 << word.length);
}

function ends(text: Buffer, start: number, end: number): number {
  return (((text[start] as number) & 31) << 5) | ((text[end - 1] as number) & 31);
}

function matters(text: Buffer, start: number, end: number): boolean {
  const length = end - start;
  if (length > 31 || length === 0) return false;
  if ((((WATCHED_LENGTHS[ends(text, start, end)] as number) >>> length) & 1) === 0) return false;
  return isOneOf(WATCHED, text, start, end);
}

function beginsPlain(text: Buffer, start: number, end: number): boolean {
  return isOneOf(PLAIN_BEGINNINGS, text, start, end);
}

function isOneOf(words: readonly Buffer[], text: Buffer, start: number, end: number): boolean {
  for (const word of words) {
    if (word.length !== end - start) continue;
    let same = 0;
    while (same < word.length && ((text[start + same] as number) | CASE) === ((word[same] as number) | CASE))
      same += 1;
    if (same === word.length) return true;
  }
  return false;
}

function isE(text: Buffer, start: number, end: number): boolean {
  return end === start + 1 && ((text[start] as number) | CASE) === 0x65;
}

function isDigit(byte: number): boolean {
  return byte >= 0x30 && byte <= 0x39;
}

function isNamed(byte: number): boolean {
  return KIND[byte] === Kind.word || byte === DOLLAR;
}
