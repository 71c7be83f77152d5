export {
  loadOrMakeNodeKey,
  makeNodeKey,
  parseNodeKey,
  rawNodePublicKey,
} from "./node-key.js";
export { pooledRandomBytes } from "./pooled-random-bytes.js";
export {
  DEFAULT_ITERATIONS,
  deriveScramKeys,
  formatVerifier,
  hmac,
  makeVerifier,
  parseVerifier,
  preparePassword,
  type ScramKeys,
  type ScramVerifier,
  sha256,
} from "./scram-verifier.js";
export {
  checkField,
  DATA_KEY_BYTES,
  type DataKey,
  type FieldPlace,
  makeDataKey,
  openField,
  type SealedSecret,
  sealField,
} from "./sealing.js";
export {
  type InstancePlace,
  openDataKey,
  type SealedDataKeyParts,
  sealDataKey,
} from "./sealing-to-instance.js";
export { KeyUnusable, SealBroken } from "./secret-failure.js";
