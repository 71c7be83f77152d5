export { CancelGate } from "./cancel-gate.js";
export { type CancelKey, CancelKeys } from "./cancel-keys.js";
export { CancelPeers } from "./cancel-peers.js";
export { sendCancel } from "./send-cancel.js";
