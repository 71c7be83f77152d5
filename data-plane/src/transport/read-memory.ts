/** What Node reads at once. */
export const READ_BYTES = 64 * 1024;
/** Of reads together: a part that is held for long keeps no more than this. */
const BLOCK_BYTES = 16 * 1024;
/** Up to here a loop is faster than a call of the engine. */
const FEW_BYTES = 128;

/** Every socket reads into it: what it holds has to be taken out in the call that tells of it. */
export const readingSpace: Buffer = Buffer.allocUnsafeSlow(READ_BYTES);

let block = Buffer.allocUnsafeSlow(BLOCK_BYTES);
let used = 0;

/** The first `length` bytes of `from`, in memory of their own: little is put where the last ones were, much is alone. */
export function takenFrom(from: Buffer, length: number): Buffer {
  if (length > BLOCK_BYTES / 4) {
    const alone = Buffer.allocUnsafeSlow(length);
    from.copy(alone, 0, 0, length);
    return alone;
  }
  if (used + length > BLOCK_BYTES) {
    block = Buffer.allocUnsafeSlow(BLOCK_BYTES);
    used = 0;
  }
  const at = used;
  used += length;
  if (length > FEW_BYTES) from.copy(block, at, 0, length);
  else for (let i = 0; i < length; i++) block[at + i] = from[i] as number;
  return block.subarray(at, used);
}
