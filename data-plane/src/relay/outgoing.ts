/**
 * Hot path: one segment on its way to the other side, with parts taken out and put in. Nothing is copied while nothing
 * is changed; where something is, all of it is copied once, and no object is made for a part.
 *
 *   part  [ from, to ) of a source; or, without a source, a length of four bytes
 */
export class Outgoing {
  #segment: Buffer = EMPTY;
  /** Up to here the segment has been dealt with. */
  #at = 0;
  #parts = 0;
  #bytes = 0;
  readonly #sources: (Buffer | undefined)[] = [];
  /** Of each part: where it begins and ends; or its number. */
  readonly #bounds: number[] = [];

  begin(segment: Buffer): void {
    this.#segment = segment;
    this.#at = 0;
  }

  /** Puts `bytes` in at this offset. Offsets only grow. */
  insert(at: number, bytes: Buffer): void {
    this.#passTo(at);
    this.#add(bytes, 0, bytes.length);
  }

  /** Takes out what lies between, which may reach beyond the segment. */
  cut(from: number, to: number): void {
    this.#passTo(from);
    this.#at = Math.max(this.#at, to);
  }

  /** Other four bytes at this offset. */
  setInt32(at: number, value: number): void {
    this.#passTo(at);
    this.#at = at + 4;
    this.#add(undefined, value, value);
  }

  /** What goes out of the segment up to `end`; undefined: nothing. */
  end(end: number): Buffer | undefined {
    this.#passTo(end);
    const bytes = this.#parts < 2 ? this.#only() : this.#joined();
    this.#segment = EMPTY;
    this.#at = 0;
    if (this.#parts > USUAL) {
      this.#sources.length = 0;
      this.#bounds.length = 0;
    }
    this.#parts = 0;
    this.#bytes = 0;
    return bytes;
  }

  #passTo(to: number): void {
    if (to <= this.#at) return;
    this.#add(this.#segment, this.#at, to);
    this.#at = to;
  }

  #add(source: Buffer | undefined, from: number, to: number): void {
    const n = this.#parts;
    this.#sources[n] = source;
    this.#bounds[2 * n] = from;
    this.#bounds[2 * n + 1] = to;
    this.#parts = n + 1;
    this.#bytes += source === undefined ? 4 : to - from;
  }

  #only(): Buffer | undefined {
    const source = this.#sources[0];
    if (this.#bytes === 0 || source === undefined) return undefined;
    this.#sources[0] = undefined;
    return source.length === this.#bytes ? source : source.subarray(this.#bounds[0], this.#bounds[1]);
  }

  #joined(): Buffer {
    const out = Buffer.allocUnsafe(this.#bytes);
    let at = 0;
    for (let n = 0; n < this.#parts; n++) {
      const source = this.#sources[n];
      const from = this.#bounds[2 * n] as number;
      if (source === undefined) at = out.writeInt32BE(from, at);
      else at = copied(source, from, this.#bounds[2 * n + 1] as number, out, at);
      // What was sent is not held on to.
      this.#sources[n] = undefined;
    }
    return out;
  }
}

const EMPTY = Buffer.alloc(0);
/** Room for more parts than that is given up again. */
const USUAL = 1024;
/** Up to here a loop is faster than the objects that a copy by the engine needs. */
const FEW_BYTES = 64;

/** Returns where what comes next goes. */
function copied(source: Buffer, from: number, to: number, out: Buffer, at: number): number {
  const length = to - from;
  if (length <= FEW_BYTES) for (let i = 0; i < length; i++) out[at + i] = source[from + i] as number;
  else source.copy(out, at, from, to);
  return at + length;
}
