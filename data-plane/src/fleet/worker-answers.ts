import type { Pools } from "../pool/index.js";
import type { Session } from "../session/index.js";
import type { Ask, AskAnswer, ClientRow, ServerRow } from "./asks.js";

/** What a worker answers the console. */
export class WorkerAnswers {
  readonly #worker: number;
  readonly #sessions: ReadonlySet<Session>;
  readonly #pools: Pools;

  constructor(worker: number, sessions: ReadonlySet<Session>, pools: Pools) {
    this.#worker = worker;
    this.#sessions = sessions;
    this.#pools = pools;
  }

  to(ask: Ask): AskAnswer {
    switch (ask.what) {
      case "clients":
        return { clients: this.#clients() };
      case "servers":
        return { servers: this.#servers() };
      case "kill-client": {
        const victims = [...this.#sessions].filter((session) => this.#idOf(session) === ask.id);
        for (const session of victims) session.terminate();
        return { done: victims.length };
      }
      case "pause":
      case "resume":
        this.#pools.hold(ask.tenant, ask.what === "pause");
        return { done: this.#pools.of(ask.tenant).length };
      case "reconnect": {
        const pools = this.#pools.of(ask.tenant);
        for (const { pool } of pools) pool.renew();
        return { done: pools.length };
      }
      case "kill": {
        this.#pools.hold(ask.tenant, true);
        for (const session of [...this.#sessions])
          if (ask.tenant === undefined || session.tenant === ask.tenant) session.terminate();
        const pools = this.#pools.of(ask.tenant);
        for (const { pool } of pools) pool.close();
        return { done: pools.length };
      }
      default:
        return ask satisfies never;
    }
  }

  #idOf(session: Session): string {
    return `${this.#worker}-${session.number}`;
  }

  #clients(): readonly ClientRow[] {
    return [...this.#sessions].map((session) => ({ id: this.#idOf(session), ...session.described }));
  }

  #servers(): readonly ServerRow[] {
    return this.#pools.of(undefined).flatMap(({ key, upstream, pool }) =>
      [...pool.servers].map(({ server, state }) => ({
        ...key,
        state,
        host: upstream.host,
        port: upstream.port,
        openForMs: server.openForMs,
        pid: server.pid,
      })),
    );
  }
}
