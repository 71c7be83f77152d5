import type { InstanceName } from "./instance.js";

/** What a data plane says of itself when it connects, and what its credential says. */
export interface Introduction extends InstanceName {
  readonly region: string;
  readonly scope: string;
  /** Raw X25519, 32 bytes. */
  readonly publicKey: Uint8Array;
  readonly build: string;
  readonly keysetVersion: bigint;
  /** It does not read what is published: it is remembered, and sent nothing. */
  readonly incompatible: boolean;
}

export type Registration =
  | "registered"
  /** It is known with another key, which stays; the new one waits for an operator. */
  | "other-key"
  /** The group has too many. */
  | "full"
  | "revoked";

/** Which data planes there are, and with which keys. */
export interface InstanceRegistry {
  /** Registers on first sight, which is audited. */
  register(introduction: Introduction): Promise<Registration>;
  /** Whether data keys may be sealed to this key of the instance: asked after they were read. */
  mayHoldKeys(name: InstanceName, publicKey: Uint8Array, scope: string): Promise<boolean>;
}
