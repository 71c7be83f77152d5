export {
  authenticationCleartext,
  authenticationMd5,
  authenticationOk,
  authenticationSasl,
  authenticationSaslContinue,
  authenticationSaslFinal,
  backendKeyData,
  errorResponse,
  errorResponseOf,
  negotiateProtocolVersion,
  notificationResponse,
  parameterStatus,
  protocol2Error,
  READY_IDLE,
  type Severity,
} from "./backend-messages.js";
export { type BackendEvents, BackendScanner } from "./backend-scanner.js";
export { BodyReader } from "./body-reader.js";
export { decodeErrorFields, type ErrorFields } from "./error-fields.js";
export { FRAME_HEADER_BYTES, type Frame, FrameReader, frameEnd } from "./frame-reader.js";
export {
  COPY_FAIL,
  cancelRequest,
  passwordMessage,
  query,
  SSL_REQUEST,
  SYNC,
  saslInitialResponse,
  saslResponse,
  startupMessage,
  TERMINATE,
} from "./frontend-messages.js";
export { MalformedMessage } from "./malformed-message.js";
export { lengthAt } from "./message-length.js";
export { Backend, Frontend, isFrontendType, TransactionStatus } from "./message-types.js";
export { MessageWriter } from "./message-writer.js";
export { BadStartupMessage, StartupPacketTooLarge, UnsupportedProtocol } from "./startup-failure.js";
export {
  decodeStartupPacket,
  MOST_STARTUP_BYTES,
  PROTOCOL_3_0,
  PROTOCOL_3_2,
  type StartupPacket,
  startupPacketLength,
} from "./startup-packet.js";
