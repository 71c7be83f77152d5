/** How much of the text around a mistake is shown: bodies hold passwords. */
const SHOWN = 12;

/**
 * Where a text stops being JSON (RFC 8259), and what stands there, in words for a person. A walk of our own, since V8
 * tells the position of some mistakes only.
 */
export function placeOfMistake(text: string): string {
  const { at, why } = new JsonWalk(text).firstMistake();
  const before = text.slice(0, at);
  const line = before.split("\n").length;
  const column = at - before.lastIndexOf("\n");
  const place = `line ${line}, column ${column}`;
  if (at >= text.length) return `it ends too early, at ${place}`;
  return `${why ?? describe(text, at)} at ${place}`;
}

function describe(text: string, at: number): string {
  const rest = text.slice(at);
  if (rest.startsWith("//") || rest.startsWith("/*")) {
    const shown = rest.split("\n", 1)[0] ?? "";
    return `${quoted(shown)}, a comment, which JSON does not have,`;
  }
  if (rest.startsWith("'")) return "a single quote, where JSON has double quotes,";
  if ((rest.startsWith("}") || rest.startsWith("]")) && /,\s*$/.test(text.slice(0, at))) {
    return `a comma with nothing behind it, in front of the ${rest[0]}`;
  }
  const character = String.fromCodePoint(rest.codePointAt(0) ?? 0);
  if (character < " ") return "a control character inside a string (a line break is written \\n)";
  return `unexpected ${JSON.stringify(character)}`;
}

function quoted(text: string): string {
  return JSON.stringify(text.length > SHOWN ? `${text.slice(0, SHOWN)}…` : text);
}

class Mistake {
  readonly at: number;
  /** Undefined: what stands there tells. */
  readonly why: string | undefined;

  constructor(at: number, why?: string) {
    this.at = at;
    this.why = why;
  }
}

const NUMBER = /-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?/y;
const WORD = /true|false|null/y;
/** What may stand behind a backslash. */
const ESCAPED = /["\\/bfnrt]|u[0-9a-fA-F]{4}/y;
const BLANKS = /[ \t\r\n]*/y;
const DEEPEST = 1000;

class JsonWalk {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  /** The text's length where nothing but the end is wrong. */
  firstMistake(): Mistake {
    try {
      this.#value(0);
      this.#blanks();
      return new Mistake(this.#at);
    } catch (thrown) {
      if (thrown instanceof Mistake) return thrown;
      throw thrown;
    }
  }

  #value(depth: number): void {
    if (depth > DEEPEST) throw new Mistake(this.#at, `nested deeper than ${DEEPEST}`);
    this.#blanks();
    switch (this.#text[this.#at]) {
      case "{":
        this.#list("}", () => {
          this.#blanks();
          this.#string();
          this.#blanks();
          this.#expect(":");
          this.#value(depth + 1);
        });
        return;
      case "[":
        this.#list("]", () => this.#value(depth + 1));
        return;
      case '"':
        this.#string();
        return;
      default:
        if (!this.#match(NUMBER) && !this.#match(WORD)) throw new Mistake(this.#at);
    }
  }

  #list(end: string, item: () => void): void {
    this.#at += 1;
    this.#blanks();
    if (this.#text[this.#at] === end) {
      this.#at += 1;
      return;
    }
    for (;;) {
      item();
      this.#blanks();
      if (this.#text[this.#at] === end) {
        this.#at += 1;
        return;
      }
      this.#expect(",");
    }
  }

  #string(): void {
    this.#expect('"');
    for (;;) {
      const character = this.#text[this.#at];
      if (character === undefined || character < " ") throw new Mistake(this.#at);
      this.#at += 1;
      if (character === '"') return;
      if (character !== "\\") continue;
      if (!this.#match(ESCAPED)) throw new Mistake(this.#at);
    }
  }

  #blanks(): void {
    this.#match(BLANKS);
  }

  #expect(character: string): void {
    if (this.#text[this.#at] !== character) throw new Mistake(this.#at);
    this.#at += 1;
  }

  #match(pattern: RegExp): boolean {
    pattern.lastIndex = this.#at;
    const match = pattern.exec(this.#text);
    if (match === null) return false;
    this.#at += match[0].length;
    return true;
  }
}
