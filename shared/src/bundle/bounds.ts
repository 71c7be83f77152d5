/**
 * Bounds of what is signed. The control plane checks them in front of signing, a data plane in front of
 * anything else: it treats its configuration as hostile input.
 */
export const BUNDLE_BOUNDS = {
  /** An encoded envelope; 16,384 chunk references take 0.7 MiB. */
  envelopeBytes: 2 * 1024 * 1024,
  signatures: 16,
  /** A chunk holds records up to this size together, or one record that alone is larger. */
  chunkBytes: 256 * 1024,
  recordBytes: 4 * 1024 * 1024,
  /** What a chunk of one largest record needs. */
  largestChunkBytes: 4 * 1024 * 1024 + 1024,
  chunks: 16_384,
  records: 1_000_000,
  recordIdBytes: 512,
  configKeys: 64,
  dataKeys: 64,
  /** The envelope by which a data plane shows that what it holds was signed. A heartbeat has some 300 bytes. */
  proofBytes: 64 * 1024,
} as const;

/** The newest shape of a record that this build reads and writes. */
export const SCHEMA_VERSION = 1;

/** The oldest one that this build reads. What is new within a schema is passed over by builds that do not know it. */
export const OLDEST_SCHEMA_VERSION = 1;
