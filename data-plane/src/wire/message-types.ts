/** Type bytes, under the names that PostgreSQL's documentation gives the messages. */
export const Frontend = {
  Bind: 0x42,
  Close: 0x43,
  CopyData: 0x64,
  CopyDone: 0x63,
  CopyFail: 0x66,
  Describe: 0x44,
  Execute: 0x45,
  Flush: 0x48,
  FunctionCall: 0x46,
  Parse: 0x50,
  /** PasswordMessage, SASLInitialResponse, SASLResponse. */
  Password: 0x70,
  Query: 0x51,
  Sync: 0x53,
  Terminate: 0x58,
} as const;

export const Backend = {
  Authentication: 0x52,
  BackendKeyData: 0x4b,
  BindComplete: 0x32,
  CloseComplete: 0x33,
  CommandComplete: 0x43,
  CopyBothResponse: 0x57,
  CopyData: 0x64,
  CopyDone: 0x63,
  CopyInResponse: 0x47,
  CopyOutResponse: 0x48,
  DataRow: 0x44,
  EmptyQueryResponse: 0x49,
  ErrorResponse: 0x45,
  NegotiateProtocolVersion: 0x76,
  NoData: 0x6e,
  NoticeResponse: 0x4e,
  NotificationResponse: 0x41,
  ParameterStatus: 0x53,
  ParseComplete: 0x31,
  PortalSuspended: 0x73,
  ReadyForQuery: 0x5a,
  RowDescription: 0x54,
} as const;

/** The status byte of ReadyForQuery. */
export const TransactionStatus = { idle: 0x49, inTransaction: 0x54, failed: 0x45 } as const;

/** A table, since it is asked of each message. */
const IS_FRONTEND = new Uint8Array(256);
for (const type of Object.values(Frontend)) IS_FRONTEND[type] = 1;

export function isFrontendType(type: number): boolean {
  return IS_FRONTEND[type] === 1;
}
