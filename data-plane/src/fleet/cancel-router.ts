import { background } from "@sluice/shared/lifecycle";
import type { Logger } from "@sluice/shared/observability";
import type { Clock } from "@sluice/shared/time";
import { CancelGate, type CancelKey, type CancelPeers, placeOf } from "../cancel/index.js";
import type { CancelOrigin } from "../session/index.js";

export interface CancelRouterOptions {
  /** Of this data plane, 10 bits. */
  readonly node: number;
  readonly peers: Pick<CancelPeers, "knows" | "forward"> | undefined;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Asks a worker to cancel; it answers by `answered`. False: there is no such worker. */
  readonly ask: (worker: number, id: number, key: CancelKey) => boolean;
}

export interface CancelRequest {
  readonly key: CancelKey;
  readonly origin: CancelOrigin;
  /** Whether the key was found here, for a peer; undefined: whoever asked is told nothing. */
  readonly tell: (found: boolean | undefined) => void;
}

interface Asked {
  readonly worker: number;
  readonly request: CancelRequest;
}

/** Cancel requests of all workers: which are looked at, and which worker or other data plane each is for. */
export class CancelRouter {
  readonly #options: CancelRouterOptions;
  readonly #gate: CancelGate;
  readonly #asked = new Map<number, Asked>();
  #lastId = 0;

  constructor(options: CancelRouterOptions) {
    this.#options = options;
    this.#gate = new CancelGate(options.clock);
  }

  requested(request: CancelRequest): void {
    const { key, origin, tell } = request;
    if (!this.#fromPeer(origin) && !this.#gate.admits(origin.address)) {
      tell(undefined);
      return;
    }
    const { node, worker } = placeOf(key);
    this.#lastId += 1;
    const id = this.#lastId;
    if (node === this.#options.node && this.#options.ask(worker, id, key))
      this.#asked.set(id, { worker, request });
    else this.#notHere(request);
  }

  answered(id: number, found: boolean): void {
    const asked = this.#asked.get(id);
    this.#asked.delete(id);
    if (asked === undefined) return;
    const { request } = asked;
    if (!found) this.#notHere(request);
    // A stranger that says it is a peer does not hear which keys are right.
    else request.tell(this.#fromPeer(request.origin) ? true : undefined);
  }

  workerGone(worker: number): void {
    for (const [id, { worker: asked, request }] of this.#asked) {
      if (asked !== worker) continue;
      this.#asked.delete(id);
      request.tell(undefined);
    }
  }

  #notHere({ key, origin, tell }: CancelRequest): void {
    const { peers, logger } = this.#options;
    if (this.#fromPeer(origin)) {
      // Whom to brake for it is known where it came from.
      tell(false);
      return;
    }
    tell(undefined);
    if (origin.passedOn || peers === undefined) this.#guessed(key, origin);
    else background(logger, "cancel", this.#passOn(key, origin, peers));
  }

  async #passOn(key: CancelKey, origin: CancelOrigin, peers: Pick<CancelPeers, "forward">): Promise<void> {
    const answer = await peers.forward(key);
    // Two data planes may have the same node number: a key that a peer knows was no guess.
    if (answer === "nobody") this.#gate.wrongKey(origin.address);
    else if (answer === "unknown") this.#guessed(key, origin);
  }

  /** A key of another node may be right: whose it is, only that node knows. */
  #guessed(key: CancelKey, { address }: CancelOrigin): void {
    if (placeOf(key).node === this.#options.node) this.#gate.wrongKey(address);
  }

  #fromPeer({ passedOn, address }: CancelOrigin): boolean {
    return passedOn && this.#options.peers?.knows(address.ip) === true;
  }
}
