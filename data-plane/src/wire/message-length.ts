/**
 * Hot path: the length that stands at `at`, of which all four bytes are there. Without the checks of `readInt32BE`, which
 * were more than half of what a row costs.
 */
export function lengthAt(bytes: Buffer, at: number): number {
  return (
    ((bytes[at] as number) << 24) |
    ((bytes[at + 1] as number) << 16) |
    ((bytes[at + 2] as number) << 8) |
    (bytes[at + 3] as number)
  );
}
