import { type Clock, Deadline, DeadlinePassed, within } from "@sluice/shared/time";
import type { CancelKey } from "../cancel/index.js";
import type { CancelOrigin } from "../session/index.js";
import type { ToPrimary } from "./messages.js";

/** Below what a peer waits for us. */
const ANSWER_TIMEOUT_MS = 4000;

/** A worker's cancel requests on their way to the primary. Only a peer waits for what becomes of its own. */
export class CancelOutcomes {
  readonly #send: (message: ToPrimary) => void;
  readonly #clock: Clock;
  readonly #waiting = new Map<number, (found: boolean | undefined) => void>();
  #lastRequest = 0;

  constructor(send: (message: ToPrimary) => void, clock: Clock) {
    this.#send = send;
    this.#clock = clock;
  }

  async request({ pid, secret }: CancelKey, origin: CancelOrigin): Promise<boolean | undefined> {
    this.#lastRequest += 1;
    const request = this.#lastRequest;
    this.#send({ kind: "cancel-requested", request, pid, secret, origin });
    if (!origin.passedOn) return undefined;
    const told = new Promise<boolean | undefined>((resolve) => {
      this.#waiting.set(request, resolve);
    });
    try {
      return await within(Deadline.after(this.#clock, ANSWER_TIMEOUT_MS), "a cancel request", told);
    } catch (error) {
      if (error instanceof DeadlinePassed) return undefined;
      throw error;
    } finally {
      this.#waiting.delete(request);
    }
  }

  told(request: number, found: boolean | undefined): void {
    this.#waiting.get(request)?.(found);
  }
}
