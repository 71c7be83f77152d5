/** Of the gRPC status codes those that are answered here. */
export const GRPC_STATUS = { ok: 0, invalidArgument: 3, unimplemented: 12, internal: 13 } as const;

export class GrpcFailure extends Error {
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.name = "GrpcFailure";
    this.status = status;
  }
}
