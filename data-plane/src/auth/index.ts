export { AuthProtocolViolation, WrongPassword } from "./auth-failure.js";
export { MockVerifiers } from "./mock-verifier.js";
export { keysFromPassword, ScramClient, type ScramKeySource } from "./scram-client.js";
export { SCRAM_SHA_256, type ScramOutcome, ScramServer } from "./scram-server.js";
export { ServerAuthFailure } from "./server-auth-failure.js";
