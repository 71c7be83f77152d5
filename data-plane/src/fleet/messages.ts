import type { LogLevel } from "@sluice/shared/observability";
import type { PoolMode } from "@sluice/shared/tenant";
import type { WorkerFigures } from "../metrics/index.js";
import type { LearntParameters } from "../pool/index.js";
import type { CancelOrigin, FinishedLogin, Verdict } from "../session/index.js";
import type { ActedOrder } from "../subscription/index.js";
import type { Ask, AskAnswer } from "./asks.js";
import type { PermitWish } from "./permit-office.js";
import type { RoomRound } from "./room-round.js";

/** What a data plane's primary and its workers say to each other, over the processes' IPC channel. */

/** A part of a verified state, or of a change of it, for a worker's directory. */
export interface StateMessage {
  readonly kind: "state";
  /** Rises; the worker names it when it has acted on it. */
  readonly number: number;
  readonly scope: string;
  readonly dataKeys: ReadonlyMap<string, Uint8Array>;
  readonly upsert: ReadonlyMap<string, Uint8Array>;
  readonly remove: readonly string[];
  /** More parts of it follow: it is applied with the last one, as a whole. */
  readonly more: boolean;
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
  readonly outcome:
    | {
        readonly found: FoundSecret | undefined;
        /** So long nobody would ask the database again. */
        readonly freshForMs: number;
      }
    | { readonly failed: string };
}

export type ToWorker =
  | StateMessage
  /** It has the state: clients may come. */
  | {
      readonly kind: "take-clients";
      /** Where it is to listen by itself; undefined: it is dealt clients. */
      readonly from: OwnPorts | undefined;
    }
  /** Those that it has itself; answered once they are closed. */
  | { readonly kind: "close-ports" }
  /** With its socket, which travels beside the message. */
  | { readonly kind: "client"; readonly number: number; readonly mode: PoolMode }
  | VerifierAnswer
  /** A login of this user has failed: what was answered about it holds no more. */
  | { readonly kind: "verifier-outdated"; readonly tenant: string; readonly user: string }
  | { readonly kind: "permits-granted"; readonly pool: string; readonly count: number }
  | {
      readonly kind: "permits-recalled";
      readonly pool: string;
      readonly count: number;
      readonly floor: number;
    }
  /** An idle server there is to be closed; answered with `room-wanted` when there is none. */
  | { readonly kind: "make-room"; readonly round: RoomRound }
  /** From the console; answered under the same id. */
  | { readonly kind: "ask"; readonly id: number; readonly ask: Ask }
  | { readonly kind: "log-level"; readonly level: LogLevel }
  | {
      readonly kind: "verdict";
      readonly id: number;
      readonly tenant: string;
      readonly verdict: Verdict;
      /** Of who is welcome: the limit is far away. Undefined: it is near, or nobody is welcome. */
      readonly room: Room | undefined;
    }
  /** So many clients have come that every place is the primary's again. */
  | { readonly kind: "tight"; readonly tenant: string; readonly countedAs: string | undefined }
  /** A login of this address at this tenant has failed: the primary decides about the next ones, for so long. */
  | {
      readonly kind: "suspected";
      readonly tenant: string;
      readonly group: string;
      readonly remainingMs: number;
    }
  /** Logins of this address at this tenant fail for so long; 0: no more. */
  | {
      readonly kind: "braked";
      readonly tenant: string;
      readonly group: string;
      readonly remainingMs: number;
    }
  /** The tenant has as many clients as it may; undefined: no more. */
  | { readonly kind: "full"; readonly tenant: string; readonly limit: number | undefined }
  | { readonly kind: "cancel"; readonly id: number; readonly pid: number; readonly secret: Uint8Array }
  /** To `cancel-requested`, for the peer that passed it on; undefined: it is told nothing. */
  | { readonly kind: "cancel-outcome"; readonly request: number; readonly found: boolean | undefined }
  /** By another worker. */
  | { readonly kind: "learnt"; readonly learnt: LearntParameters }
  /** No client comes any more: those that are here are to end. */
  | { readonly kind: "stop" };

/** Places of clients that leave may be kept for those who come, and so many more are the worker's. */
export interface Room {
  readonly ahead: number;
}

/** Ports that a worker has itself. */
export interface OwnPorts {
  readonly host: string;
  readonly ports: Ports;
  /** Other workers listen on them too. */
  readonly shared: boolean;
}

export interface Ports {
  readonly transaction: number;
  readonly session: number;
}

export type ToPrimary =
  /** The worker has begun and wants the state. */
  | { readonly kind: "hello" }
  /** A state is in force in the worker; with what became of the orders in it. */
  | { readonly kind: "acted"; readonly state: number; readonly results: readonly ActedOrder[] }
  /** `ports`: its own, if it has any. */
  | { readonly kind: "taking-clients"; readonly ports: Ports | undefined }
  | { readonly kind: "cannot-listen"; readonly reason: string }
  | { readonly kind: "ports-closed" }
  /** Behind each client, with its number. */
  | { readonly kind: "client-taken"; readonly number: number }
  | { readonly kind: "verifier-wanted"; readonly id: number; readonly tenant: string; readonly user: string }
  | { readonly kind: "login"; readonly id: number; readonly login: FinishedLogin }
  | {
      readonly kind: "clients-left";
      readonly tenant: string;
      readonly countedAs: string | undefined;
      readonly count: number;
    }
  | {
      readonly kind: "cancel-requested";
      readonly request: number;
      readonly pid: number;
      readonly secret: Uint8Array;
      readonly origin: CancelOrigin;
    }
  | { readonly kind: "cancel-answered"; readonly id: number; readonly found: boolean }
  | { readonly kind: "learnt"; readonly learnt: LearntParameters }
  | { readonly kind: "permits-asked"; readonly pool: string; readonly wish: PermitWish }
  | { readonly kind: "permits-returned"; readonly pool: string; readonly count: number }
  | { readonly kind: "room-wanted"; readonly round: RoomRound }
  | { readonly kind: "answer"; readonly id: number; readonly answer: AskAnswer }
  | { readonly kind: "figures"; readonly figures: WorkerFigures };

/** Messages of one turn of the event loop go together. */
export type Batch<T> = readonly T[];
