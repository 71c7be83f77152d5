import { Effect } from "./effect.js";
import { isPlainText } from "./plain-text.js";
import { StatementEffects } from "./statement-effects.js";
import { TextLexer } from "./text-lexer.js";
import type { TextNames } from "./text-names.js";

/**
 * Hot path: one pass over the text of each query, so that what a client may leave behind in its session is known
 * without a SQL parser.
 */
export class StatementScanner {
  readonly #effects: StatementEffects;
  readonly #lexer: TextLexer;

  /** `reported`: whether servers report the setting of this lower-case name when it changes. */
  constructor(reported: (name: string) => boolean) {
    this.#effects = new StatementEffects(reported);
    this.#lexer = new TextLexer(this.#effects);
  }

  /** What a text does that is there whole, see Effect. */
  scan(text: Buffer, from: number, to: number): number {
    if (isPlainText(text, from, to)) {
      this.#effects.names.forget();
      return Effect.none;
    }
    this.begin();
    this.feed(text, from, to);
    return this.end();
  }

  /** Begins a text that comes in parts. */
  begin(): void {
    this.#lexer.begin();
    this.#effects.begin();
  }

  feed(segment: Buffer, from: number, to: number): void {
    this.#lexer.feed(segment, from, to);
  }

  /** Ends the text: what it does. */
  end(): number {
    this.#lexer.end();
    return this.#effects.end();
  }

  /** What the text that ended last names. */
  get names(): TextNames {
    return this.#effects.names.found;
  }
}
