import type { UnnamedOutcomes } from "./ledger.js";
import { NO_NAMES, type TextNames } from "./text-names.js";

/** More than that are not kept for another client. */
const USUAL = 64;

/** What one Parse of the unnamed statement, or what ends it, makes of it. Without bytes, and not too long: none. */
class Version {
  segment: Buffer | undefined;
  from = 0;
  to = 0;
  /** Longer than what is kept: it is on the server at hand or nowhere. */
  tooLong = false;
  effects = 0;
  names: TextNames = NO_NAMES;

  clear(): void {
    this.segment = undefined;
    this.tooLong = false;
    this.effects = 0;
    this.names = NO_NAMES;
  }
}

/**
 * Hot path: a client's unnamed statement, kept so that it can be parsed again on another server. As long as it can be
 * seen where it came, it is not copied. A client that sends ahead has several under way, and what it is in the end
 * their answers decide: a Parse that fails leaves none, one that is skipped leaves what was there before.
 *
 *   ring  [ ...free..., base: what the answers so far have left, first under way, ..., newest, ...free... ]
 *
 * A slot is used again, so that in the long run nothing is allocated.
 */
export class UnnamedStatement implements UnnamedOutcomes {
  #ring: Version[] = [new Version(), new Version()];
  #base = 0;
  #underWay = 0;
  #newest = this.#ring[0] as Version;
  /** The newest is the one that the server at hand holds, or will hold behind what has been sent. */
  onServer = false;

  /** There is none, and none is under way. */
  get blank(): boolean {
    return this.#underWay === 0 && !this.exists;
  }

  /** It has never had many under way. */
  get small(): boolean {
    return this.#ring.length <= USUAL;
  }

  get exists(): boolean {
    return this.#newest.segment !== undefined || this.#newest.tooLong;
  }

  /** Of Parse, behind the name. */
  get body(): Buffer | undefined {
    const { segment, from, to } = this.#newest;
    return segment?.subarray(from, to);
  }

  get tooLong(): boolean {
    return this.#newest.tooLong;
  }

  get effects(): number {
    return this.#newest.effects;
  }

  get names(): TextNames {
    return this.#newest.names;
  }

  /** Its Parse is on its way, and will be answered. */
  parseSent(segment: Buffer, from: number, to: number, effects: number, names: TextNames): void {
    const version = this.#next();
    // A small part must not keep a large segment in memory.
    const copied = segment.length > 2 * (to - from) + 1024;
    version.segment = copied ? Buffer.from(segment.subarray(from, to)) : segment;
    version.from = copied ? 0 : from;
    version.to = copied ? to - from : to;
    version.effects = effects;
    version.names = names;
  }

  /** Between transactions, if it is to be kept for long: out of the memory that it was read into together with others. */
  detach(): void {
    const newest = this.#newest;
    const { segment, from, to } = newest;
    if (segment === undefined || segment.buffer.byteLength <= 2 * (to - from) + 1024) return;
    const own = Buffer.allocUnsafeSlow(to - from);
    segment.copy(own, 0, from, to);
    newest.segment = own;
    newest.from = 0;
    newest.to = own.length;
  }

  /** The same for one that is not kept. */
  longParseSent(effects: number): void {
    const version = this.#next();
    version.tooLong = true;
    version.effects = effects;
  }

  /** What was too long to be kept has been used: it need not keep the server any more. */
  longUsed(): void {
    this.#newest.tooLong = false;
  }

  /** What ends it is on its way, and will be answered or skipped: a Close of it, or a Query in an open batch. */
  endSent(): void {
    this.#next();
  }

  /** A simple query that no error can make the server skip destroys it, whatever is under way in front. */
  destroyed(): void {
    for (let i = 0; i <= this.#underWay; i++) this.#at(i).clear();
    this.onServer = true;
  }

  /** The oldest that is under way has come about. */
  done(): void {
    if (this.#underWay === 0) return;
    this.#at(0).clear();
    this.#settle();
  }

  /** The server says no to it, and has none until the next comes. */
  failed(): void {
    if (this.#underWay === 0) return;
    this.#at(1).clear();
    this.done();
    if (this.#underWay === 0) this.onServer = false;
  }

  /** An error in front of it makes the server pass it over. */
  skipped(): void {
    if (this.#underWay === 0) return;
    const mask = this.#ring.length - 1;
    const [base, first] = [this.#at(0), this.#at(1)];
    this.#ring[this.#base] = first;
    this.#ring[(this.#base + 1) & mask] = base;
    first.clear();
    this.#settle();
    if (this.#underWay > 0) return;
    this.#newest = base;
    this.onServer = false;
  }

  /** Nothing that is under way will be answered: it is what the answers so far have left. */
  forget(): void {
    for (let i = 1; i <= this.#underWay; i++) this.#at(i).clear();
    this.#underWay = 0;
    this.#newest = this.#at(0);
    this.onServer = false;
  }

  /** There is none any more, here or on the server. */
  clear(): void {
    this.forget();
    this.#newest.clear();
  }

  #at(n: number): Version {
    return this.#ring[(this.#base + n) & (this.#ring.length - 1)] as Version;
  }

  #next(): Version {
    if (this.#underWay + 1 === this.#ring.length) this.#grow();
    this.#underWay += 1;
    this.#newest = this.#at(this.#underWay);
    this.onServer = true;
    return this.#newest;
  }

  #settle(): void {
    if (this.#underWay === 0) return;
    this.#base = (this.#base + 1) & (this.#ring.length - 1);
    this.#underWay -= 1;
  }

  #grow(): void {
    const { length } = this.#ring;
    this.#ring = Array.from({ length: 2 * length }, (_, i) => (i < length ? this.#at(i) : new Version()));
    this.#base = 0;
  }
}
