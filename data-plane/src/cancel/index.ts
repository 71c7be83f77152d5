export { CancelGate } from "./cancel-gate.js";
export { type CancelKey, CancelKeys, placeOf } from "./cancel-keys.js";
export { CancelPeers, KEY_FOUND, KEY_UNKNOWN, type PeersAnswer } from "./cancel-peers.js";
export { sendCancel } from "./send-cancel.js";
