/** What a DSSE envelope may hold. The type is signed with the payload, so that one cannot pass for another. */
export const PAYLOAD_TYPES = {
  keyset: "application/vnd.sluice.keyset.v1",
  snapshot: "application/vnd.sluice.snapshot.v1",
  delta: "application/vnd.sluice.delta.v1",
  heartbeat: "application/vnd.sluice.heartbeat.v1",
  keyring: "application/vnd.sluice.keyring.v1",
} as const;

export type PayloadKind = keyof typeof PAYLOAD_TYPES;
