const LEAST = 20;
const SHARE = 0.2;

/** Whether a snapshot drops so many of the records held that it has to say that this is wanted. */
export function isMassRemoval(removed: number, held: number): boolean {
  return removed >= LEAST && removed > held * SHARE;
}
