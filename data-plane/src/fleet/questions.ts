import { type Clock, Deadline, within } from "@sluice/shared/time";
import type { Ask, AskAnswer } from "./asks.js";

interface Question {
  readonly owing: Set<number>;
  readonly answers: AskAnswer[];
  readonly done: () => void;
}

const ANSWER_TIMEOUT_MS = 5000;

/** What the primary has asked its workers. A worker that ends owes no answer. */
export class Questions {
  readonly #clock: Clock;
  readonly #open = new Map<number, Question>();
  readonly #paused = new Set<string>();
  #allPaused = false;
  #lastId = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** @throws DeadlinePassed when a worker does not answer */
  async ask(
    ask: Ask,
    workers: readonly number[],
    post: (worker: number, id: number) => void,
  ): Promise<readonly AskAnswer[]> {
    this.#remember(ask);
    this.#lastId += 1;
    const id = this.#lastId;
    if (workers.length === 0) return [];
    const answers: AskAnswer[] = [];
    const answered = new Promise<void>((resolve) => {
      this.#open.set(id, { owing: new Set(workers), answers, done: resolve });
    });
    for (const worker of workers) post(worker, id);
    try {
      await within(Deadline.after(this.#clock, ANSWER_TIMEOUT_MS), "the workers' answers", answered);
      return answers;
    } finally {
      this.#open.delete(id);
    }
  }

  answered(worker: number, id: number, answer: AskAnswer): void {
    const question = this.#open.get(id);
    if (question?.owing.has(worker) !== true) return;
    question.answers.push(answer);
    this.#settle(question, worker);
  }

  gone(worker: number): void {
    for (const question of this.#open.values()) this.#settle(question, worker);
  }

  /** Undefined: all tenants at once. */
  paused(tenant: string | undefined): boolean {
    return this.#allPaused || (tenant !== undefined && this.#paused.has(tenant));
  }

  /** What a worker that begins has to be told. */
  standing(): readonly Ask[] {
    if (this.#allPaused) return [{ what: "pause", tenant: undefined }];
    return [...this.#paused].map((tenant) => ({ what: "pause", tenant }));
  }

  #remember(ask: Ask): void {
    if (ask.what === "pause" || ask.what === "kill") {
      if (ask.tenant === undefined) this.#allPaused = true;
      else this.#paused.add(ask.tenant);
    } else if (ask.what === "resume") {
      if (ask.tenant === undefined) {
        this.#allPaused = false;
        this.#paused.clear();
      } else this.#paused.delete(ask.tenant);
    }
  }

  #settle(question: Question, worker: number): void {
    question.owing.delete(worker);
    if (question.owing.size === 0) question.done();
  }
}
