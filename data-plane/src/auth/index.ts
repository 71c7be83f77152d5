export { AuthProtocolViolation, WrongPassword } from "./auth-failure.js";
export { KeyDerivations } from "./key-derivations.js";
export { md5Response, md5ResponseMatches, md5Secret } from "./md5.js";
export { MockVerifiers } from "./mock-verifier.js";
export { type DeriveKeys, keysFromPassword, ScramClient, type ScramKeySource } from "./scram-client.js";
export { type ScramOutcome, ScramServer } from "./scram-server.js";
export { ServerAuthFailure } from "./server-auth-failure.js";
export { parseStoredSecret, type StoredSecret } from "./stored-secret.js";
