/** What a data plane's primary and its workers say to each other, over the processes' IPC channel. */

/** A verified state, or a change of it, for a worker's directory. */
export interface StateMessage {
  readonly kind: "state";
  readonly scope: string;
  readonly dataKeys: ReadonlyMap<string, Uint8Array>;
  readonly upsert: ReadonlyMap<string, Uint8Array>;
  readonly remove: readonly string[];
}

/** StoredSecret, as it passes the channel. */
export type FoundSecret =
  | { readonly kind: "md5"; readonly hash: string }
  | {
      readonly kind: "scram";
      readonly verifier: {
        readonly iterations: number;
        readonly salt: Uint8Array;
        readonly storedKey: Uint8Array;
        readonly serverKey: Uint8Array;
      };
    };

export interface VerifierAnswer {
  readonly kind: "verifier";
  readonly id: number;
  readonly outcome: { readonly found: FoundSecret | undefined } | { readonly failed: string };
}

export type ToWorker = StateMessage | VerifierAnswer | { readonly kind: "stop" };

export interface Ports {
  readonly transaction: number;
  readonly session: number;
}

export interface Figures {
  readonly clients: number;
  readonly servers: number;
  readonly idleServers: number;
  readonly pinnedServers: number;
  readonly waitingClients: number;
  readonly tenants: number;
}

export type ToPrimary =
  /** The worker has begun and wants the state. */
  | { readonly kind: "hello" }
  | { readonly kind: "listening"; readonly ports: Ports }
  | { readonly kind: "cannot-listen"; readonly reason: string }
  | { readonly kind: "verifier-wanted"; readonly id: number; readonly tenant: string; readonly user: string }
  | { readonly kind: "login-failed"; readonly tenant: string; readonly user: string }
  | { readonly kind: "figures"; readonly figures: Figures };
