/** What may last how long, in ms; 0: for ever. */
export interface Timeouts {
  /** A client that asks nothing, outside a transaction. */
  readonly clientIdleMs: number;
  /** A client that asks nothing, inside a transaction. */
  readonly idleTransactionMs: number;
  /** A request that is not answered yet: it is cancelled. */
  readonly queryMs: number;
  readonly transactionMs: number;
}

export function anyTimeout({ clientIdleMs, idleTransactionMs, queryMs, transactionMs }: Timeouts): boolean {
  return clientIdleMs > 0 || idleTransactionMs > 0 || queryMs > 0 || transactionMs > 0;
}
