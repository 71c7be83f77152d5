/** How the stream keeps itself within bounds. Times in ms. */
export interface StreamLimits {
  /** At once in this process; one more is refused. */
  readonly streams: number;
  /** Sent at once; the others wait, with heartbeats. */
  readonly snapshots: number;
  readonly instancesPerGroup: number;
  readonly heartbeatIntervalMs: number;
  /** A data plane then connects again, so that load moves to new replicas; ± 20 %. */
  readonly streamLifeMs: number;
  /** How long one message may take to leave. */
  readonly slowReaderMs: number;
  /** How long a request may take to come, from its head on. */
  readonly requestMs: number;
  /** Connections on which nobody has shown a good credential yet; with one more the oldest is ended. */
  readonly strangers: number;
  /** How long such a one may live, from accept on. */
  readonly strangerMs: number;
  readonly pingIntervalMs: number;
  /** How soon a renewed certificate is shown. */
  readonly certificateIntervalMs: number;
}

export const STREAM_LIMITS: StreamLimits = {
  streams: 2000,
  snapshots: 32,
  instancesPerGroup: 1000,
  heartbeatIntervalMs: 10_000,
  streamLifeMs: 30 * 60_000,
  slowReaderMs: 30_000,
  requestMs: 10_000,
  strangers: 2000,
  strangerMs: 10_000,
  pingIntervalMs: 15_000,
  certificateIntervalMs: 5000,
};
