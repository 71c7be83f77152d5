import type { StatementScanner } from "./statement-scanner.js";

/** A message that goes on as it comes, in parts. Of a Query the text is looked at on the way. */
export class StreamedMessage {
  readonly #texts: StatementScanner;
  #remaining = 0;
  #isQuery = false;
  /** The text, which ends with the first zero, has not ended yet. */
  #inText = false;

  constructor(texts: StatementScanner) {
    this.#texts = texts;
  }

  /** Bytes that are still to come. */
  get remaining(): number {
    return this.#remaining;
  }

  /** `remaining` bytes come later; a Query's text begins at `text` of this segment. */
  begin(remaining: number, query?: { readonly segment: Buffer; readonly text: number }): void {
    this.#remaining = remaining;
    this.#isQuery = query !== undefined;
    if (query === undefined) return;
    this.#inText = true;
    this.#texts.begin();
    this.#feed(query.segment, query.text, query.segment.length);
  }

  /** How much of this segment belongs to it. */
  pass(segment: Buffer): number {
    const end = Math.min(segment.length, this.#remaining);
    if (this.#inText) this.#feed(segment, 0, end);
    this.#remaining -= end;
    return end;
  }

  /** It has ended, and was a Query: what its text does. Told once. */
  takeEffects(): number | undefined {
    if (this.#remaining > 0 || !this.#isQuery) return undefined;
    this.#isQuery = false;
    this.#inText = false;
    return this.#texts.end();
  }

  #feed(segment: Buffer, from: number, to: number): void {
    const zero = segment.indexOf(0, from);
    const textEnd = zero === -1 || zero > to ? to : zero;
    this.#texts.feed(segment, from, textEnd);
    if (textEnd < to) this.#inText = false;
  }
}
