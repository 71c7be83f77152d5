import { timingSafeEqual } from "node:crypto";

/** By what a report shows that it comes from whoever has the instance's stream. */
export interface StreamOwner {
  /** Of the call: one token, or one certificate. */
  readonly credential: string;
  /** Made by the data plane for this stream alone. Empty: it knows of none, and pods that share a token are one. */
  readonly reportKey: Uint8Array;
}

export function isSameOwner(one: StreamOwner, other: StreamOwner): boolean {
  if (one.credential !== other.credential) return false;
  if (one.reportKey.length === 0) return true;
  return one.reportKey.length === other.reportKey.length && timingSafeEqual(one.reportKey, other.reportKey);
}
