import type { VerifiedBytes } from "@sluice/shared/bundle";

const SLAB_BYTES = 1024 * 1024;
const LENGTH_BYTES = 4;
/** So much may lie waste, and as much again as is in use. */
const WASTE_ALLOWED_BYTES = 4 * SLAB_BYTES;

/**
 * Many records in little memory: their bytes lie one behind the other in slabs, and of each only a number is kept.
 *
 *   slab       [ length | bytes | length | bytes | ... free ]        a record larger than a slab has one of its own
 *   position   slab's index * SLAB_BYTES + offset in the slab
 *
 * What is replaced or removed lies waste until it is as much as what is in use; then all are packed anew.
 */
export class RecordStore {
  #slabs: Uint8Array[] = [];
  readonly #positions = new Map<string, number>();
  /** In the last slab. */
  #end = SLAB_BYTES;
  #usedBytes = 0;
  #wasteBytes = 0;

  get size(): number {
    return this.#positions.size;
  }

  ids(): IterableIterator<string> {
    return this.#positions.keys();
  }

  has(id: string): boolean {
    return this.#positions.has(id);
  }

  /** A view: it keeps a slab in memory that has been packed since. */
  get(id: string): VerifiedBytes | undefined {
    const position = this.#positions.get(id);
    return position === undefined ? undefined : (this.#at(position) as VerifiedBytes);
  }

  set(id: string, record: Uint8Array): void {
    this.#waste(id);
    this.#positions.set(id, this.#append(record));
    this.#usedBytes += record.length;
    this.#packIfWasteful();
  }

  delete(id: string): void {
    this.#waste(id);
    this.#positions.delete(id);
    this.#packIfWasteful();
  }

  #waste(id: string): void {
    const position = this.#positions.get(id);
    if (position === undefined) return;
    const { length } = this.#at(position);
    this.#usedBytes -= length;
    this.#wasteBytes += length;
  }

  #at(position: number): Uint8Array {
    const slab = this.#slabs[Math.floor(position / SLAB_BYTES)] ?? new Uint8Array(LENGTH_BYTES);
    const from = (position % SLAB_BYTES) + LENGTH_BYTES;
    const length = new DataView(slab.buffer, slab.byteOffset).getUint32(from - LENGTH_BYTES);
    return slab.subarray(from, from + length);
  }

  #append(record: Uint8Array): number {
    const needed = LENGTH_BYTES + record.length;
    if (this.#end + needed > SLAB_BYTES) {
      this.#slabs.push(new Uint8Array(Math.max(SLAB_BYTES, needed)));
      this.#end = 0;
    }
    const index = this.#slabs.length - 1;
    const slab = this.#slabs[index];
    if (slab === undefined) throw new Error("there is no slab");
    const offset = this.#end;
    new DataView(slab.buffer).setUint32(offset, record.length);
    slab.set(record, offset + LENGTH_BYTES);
    this.#end = offset + needed;
    return index * SLAB_BYTES + offset;
  }

  #packIfWasteful(): void {
    if (this.#wasteBytes < WASTE_ALLOWED_BYTES + this.#usedBytes) return;
    const old = this.#slabs;
    const read = (position: number): Uint8Array => {
      this.#slabs = old;
      return this.#at(position);
    };
    let packed: Uint8Array[] = [];
    this.#end = SLAB_BYTES;
    for (const [id, position] of this.#positions) {
      const record = read(position);
      this.#slabs = packed;
      this.#positions.set(id, this.#append(record));
      packed = this.#slabs;
    }
    this.#slabs = packed;
    this.#wasteBytes = 0;
  }
}
