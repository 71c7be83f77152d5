import type { PoolMode } from "@sluice/shared/tenant";

/** What the primary can ask each of its workers, for the console. */
export type Ask =
  | { readonly what: "clients" }
  | { readonly what: "servers" }
  /** `tenant` undefined: all. */
  | { readonly what: PoolOrder; readonly tenant: string | undefined }
  | { readonly what: "kill-client"; readonly id: string };

/** What an operator can do to the pools of a tenant, on this data plane and until its end. */
export type PoolOrder =
  /** Clients wait; servers end as they come back. */
  | "pause"
  | "resume"
  /** All clients and servers end now. */
  | "kill"
  /** Servers end as they come back, and are opened anew. */
  | "reconnect";

export type ClientState = "login" | "idle" | "waiting" | "active";

export interface ClientRow {
  /** Of this data plane, as `KILL_CLIENT` takes it. */
  readonly id: string;
  readonly tenant: string;
  readonly user: string;
  readonly database: string;
  readonly mode: PoolMode;
  readonly state: ClientState;
  readonly address: string;
  readonly port: number;
  readonly tls: string;
  readonly applicationName: string;
  readonly connectedForMs: number;
  /** How long it has waited for a server. */
  readonly waitedMs: number;
  /** Process id of its server at the database. */
  readonly serverPid: number | undefined;
}

export interface ServerRow {
  readonly tenant: string;
  readonly user: string;
  readonly database: string;
  readonly mode: PoolMode;
  readonly state: string;
  readonly host: string;
  readonly port: number;
  readonly openForMs: number;
  readonly pid: number;
}

/** `done`: how many pools or clients the order reached. */
export type AskAnswer =
  | { readonly clients: readonly ClientRow[] }
  | { readonly servers: readonly ServerRow[] }
  | { readonly done: number };
