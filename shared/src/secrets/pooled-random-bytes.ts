import { randomFillSync } from "node:crypto";

const POOL_BYTES = 4096;

const pool = Buffer.allocUnsafeSlow(POOL_BYTES);
let used = POOL_BYTES;

/**
 * As `randomBytes`, for what is small and wanted at every login: a call of the generator costs some 3 µs, however little
 * it is asked for. Bytes are given out once and wiped here, so that nobody finds a secret of a client in the pool.
 * @param count at most 4096
 */
export function pooledRandomBytes(count: number): Buffer {
  if (count > POOL_BYTES) throw new RangeError(`${count} random bytes of a pool of ${POOL_BYTES}`);
  if (used + count > POOL_BYTES) {
    randomFillSync(pool);
    used = 0;
  }
  const bytes = Buffer.allocUnsafe(count);
  pool.copy(bytes, 0, used, used + count);
  pool.fill(0, used, used + count);
  used += count;
  return bytes;
}
