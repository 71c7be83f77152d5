/** What a message that was sent to the server is to be answered with. */
export const Owed = {
  none: 0,
  /** Query or FunctionCall. */
  query: 1,
  sync: 2,
  /** CopyDone or CopyFail: no answer of its own, it ends COPY data. */
  copyEnd: 3,
  parse: 4,
  bind: 5,
  describe: 6,
  execute: 7,
  close: 8,
  /** Messages of our own: the client knows nothing of them, and their answers are swallowed. */
  ourParse: 9,
  ourClose: 10,
  ourQuery: 11,
  /** A client's Parse that was replaced by one that fails: the error is replaced, too. */
  refused: 12,
  refusedQuery: 13,
  /** A client's Parse of the unnamed statement, or its Close. */
  parseUnnamed: 14,
  /** A Sync of our own, behind what is not to take the client's next message with it. */
  ourSync: 15,
  closeUnnamed: 16,
} as const;

/** Tells of the unnamed statement. */
export function isUnnamed(entry: number): boolean {
  return entry === Owed.parseUnnamed || entry === Owed.closeUnnamed;
}

/** Answered by a ReadyForQuery. */
export function endsInReady(entry: number): boolean {
  return (
    entry === Owed.query ||
    entry === Owed.sync ||
    entry === Owed.ourQuery ||
    entry === Owed.refusedQuery ||
    entry === Owed.ourSync
  );
}

/** May turn out to be a COPY. */
export function mayCopy(entry: number): boolean {
  return entry === Owed.query || entry === Owed.execute || entry === Owed.refusedQuery;
}
