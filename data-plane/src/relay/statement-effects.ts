import {
  ADVISORY_LOCKS,
  ADVISORY_UNLOCKS,
  BEGINS_STATEMENT_IN_BLOCK,
  Effect,
  isParseContext,
  SEQUENCE_READERS,
} from "./effect.js";
import { settingNamed } from "./setting-names.js";
import type { TextParts } from "./text-lexer.js";
import { NamesInText } from "./text-names.js";

/** First letters of the words that matter wherever they stand. */
const IS_CANDIDATE = new Uint8Array(256);
for (const letter of "cdeghilprstwCDEGHILPRSTW") IS_CANDIDATE[letter.charCodeAt(0)] = 1;

/** Statements whose second word does not matter. */
const PLAIN_STATEMENTS: ReadonlySet<string> = new Set(["select", "insert", "update", "delete", "with"]);

/**
 * What the statements of a text may do to the session, by their first words and by a few words inside. It only says where
 * to look: what really was left behind is asked of the server (session-look.ts). What it cannot see: what functions do
 * that are called.
 */
export class StatementEffects implements TextParts {
  /** Lower-case names that servers report when they change: what is set there is tracked by ParameterStatus. */
  readonly #reported: (name: string) => boolean;

  /** What the text that is read, or was read last, names. */
  readonly names = new NamesInText();
  #parens = 0;
  /** Depth at which a set_config call opened; -1: none. */
  #setConfigParens = -1;
  /** The literal name in that call; undefined: another expression. */
  #setConfigName: string | undefined;
  #joins = false;
  #lastWord = "";
  #words = 0;
  #readsAll = true;
  #first = "";
  #second = "";
  #third = "";
  #makesTemp = false;
  #dropsOnCommit = false;
  #effect = 0;
  inBlock = false;

  constructor(reported: (name: string) => boolean) {
    this.#reported = reported;
  }

  /** Begins a text. */
  begin(): void {
    this.#effect = Effect.none;
    this.inBlock = false;
    this.names.forget();
    this.#beginStatement();
  }

  /** Ends the text: all that its statements do, joined. */
  end(): number {
    this.#endStatement();
    return this.#effect;
  }

  reads(first: number): boolean {
    if (this.#words >= 3) this.#readsAll = false;
    return this.#readsAll || IS_CANDIDATE[first] === 1 || this.#joins || this.#lastWord === "execute";
  }

  string(): boolean {
    // The first thing in a set_config call is the name.
    const isName = this.#setConfigParens !== -1 && this.#lastWord === "set_config";
    this.#lastWord = "'";
    // DO 'body': not read.
    if (this.#first === "do" && this.#words === 1) this.#effect |= Effect.pins;
    return isName;
  }

  literal(text: string): void {
    this.#setConfigName = text;
  }

  escapeString(): void {
    this.#lastWord = "'";
  }

  dollar(): void {
    this.#lastWord = "$";
  }

  dot(): void {
    this.#joins = true;
  }

  semicolon(): void {
    this.#endStatement();
    this.#beginStatement();
  }

  open(): void {
    this.#parens += 1;
  }

  close(): void {
    this.#parens -= 1;
    if (this.#setConfigParens !== -1 && this.#setConfigParens === this.#parens) this.#endSetConfig();
  }

  #endSetConfig(): void {
    this.#setConfigParens = -1;
    const name = this.#setConfigName?.toLowerCase();
    if (name === undefined || isParseContext(name)) this.#effect |= Effect.parseContext;
    // is_local: gone with the transaction.
    if (this.#lastWord === "true") return;
    if (name === undefined) this.#effect |= Effect.pins;
    else this.#changes(name);
  }

  #beginStatement(): void {
    this.#words = 0;
    this.#readsAll = true;
    this.#first = "";
    this.#second = "";
    this.#third = "";
    this.#lastWord = "";
    this.#joins = false;
    this.#parens = 0;
    this.#setConfigParens = -1;
    this.#setConfigName = undefined;
    this.#makesTemp = false;
    this.#dropsOnCommit = false;
  }

  otherWord(): void {
    this.#words += 1;
    this.#lastWord = "";
    this.#joins = false;
  }

  word(word: string, quoted: boolean): void {
    const last = this.#lastWord;
    if (this.#joins && last !== "") {
      // `app.tenant_id` is one name.
      this.#joins = false;
      const joined = `${last}.${word}`;
      if (this.#words === 1) this.#first = joined;
      else if (this.#words === 2) this.#second = joined;
      else if (this.#words === 3) this.#third = joined;
      this.#lastWord = joined;
    } else {
      this.#joins = false;
      this.#words += 1;
      if (this.#words === 1) {
        this.#first = word;
        if (PLAIN_STATEMENTS.has(word)) this.#readsAll = false;
        else if (word === "do" && !quoted) this.inBlock = true;
      } else if (this.#words === 2) this.#second = word;
      else if (this.#words === 3) this.#third = word;
      this.#lastWord = word;
    }
    if (last === "execute" && !this.inBlock) {
      this.#effect |= Effect.executes;
      this.#useStatement(word);
    }
    switch (word) {
      case "set_config":
        this.#setConfigParens = this.#parens;
        this.#setConfigName = undefined;
        // Without its schema, so that the name is found behind it.
        this.#lastWord = word;
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
          this.#makesTemp = true;
        }
        break;
      case "pg_temp":
        if (this.#first === "create") this.#makesTemp = true;
        break;
      case "drop":
        if (last === "commit") this.#dropsOnCommit = true;
        break;
      case "hold":
        if (last === "with") this.#effect |= Effect.looks | Effect.mayPin;
        break;
      case "execute":
        // EXECUTE in a block takes any text.
        if (this.inBlock) this.#effect |= Effect.pins;
        break;
      default:
        if (word.length >= 7) this.#longWord(word);
        if (this.inBlock && BEGINS_STATEMENT_IN_BLOCK.has(word)) this.#beginStatement();
    }
  }

  #longWord(word: string): void {
    if (SEQUENCE_READERS.has(word)) this.#effect |= Effect.readsSequences;
    else if (ADVISORY_LOCKS.has(word)) this.#effect |= Effect.looks | Effect.mayPin;
    else if (ADVISORY_UNLOCKS.has(word)) this.#effect |= Effect.mayUnpin;
  }

  #endStatement(): void {
    if (this.#makesTemp && !this.#dropsOnCommit) this.#effect |= Effect.looks | Effect.mayPin;
    switch (this.#first) {
      case "set":
        this.#set();
        break;
      case "reset":
        this.#reset(settingNamed(this.#second));
        break;
      case "discard":
        this.#effect |= Effect.mayUnpin;
        if (this.#second !== "all") break;
        this.#effect |= Effect.tags;
        this.#reset("all");
        break;
      case "prepare":
        if (this.#second === "transaction") break;
        this.#effect |= Effect.looks | Effect.mayPin;
        this.#useStatement(this.#second);
        break;
      case "deallocate":
        this.#effect |= Effect.mayUnpin | Effect.tags;
        this.#useStatement(this.#second === "prepare" && this.#words > 2 ? this.#third : this.#second);
        break;
      case "listen":
        this.#effect |= Effect.looks | Effect.mayPin;
        break;
      case "unlisten":
      case "close":
      case "drop":
        this.#effect |= Effect.mayUnpin;
        break;
      case "load":
        this.#effect |= Effect.loads | Effect.mayPin;
        break;
    }
  }

  #set(): void {
    const second = this.#second;
    if (second === "transaction" || second === "constraints") return;
    const qualified = second === "local" || (second === "session" && this.#words > 2);
    const name = settingNamed(qualified ? this.#third : second);
    if (isParseContext(name)) this.#effect |= Effect.parseContext;
    if (second === "local") return;
    // SET ... TO DEFAULT, SET ... = DEFAULT: the last word, when it is that.
    if (this.#lastWord === "default") {
      this.#reset(name);
      return;
    }
    this.#changes(name);
  }

  #reset(name: string): void {
    if (name.includes(".")) this.#changes(name);
    this.#effect |= Effect.resets | Effect.looks;
    if (name === "all" || isParseContext(name)) this.#effect |= Effect.parseContext;
    this.names.reset(name);
  }

  #changes(setting: string): void {
    const name = setting.toLowerCase();
    if (this.#reported(name) && name !== "session_authorization") return;
    this.#effect |= Effect.looks;
    if (!name.includes(".")) return;
    if (!this.names.setting(name)) this.#effect |= Effect.pins;
  }

  #useStatement(name: string): void {
    if (name === "") return;
    this.#effect |= Effect.names;
    this.names.statement(name);
  }
}
