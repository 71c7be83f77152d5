import { Counter, Gauge, Histogram, type Registry } from "prom-client";

const MS = 1000;

/** What `/metrics` shows of the stream of this process. */
export class StreamMetrics {
  readonly #registry: Registry;
  readonly #commitToAck: Histogram;
  readonly #nacks: Counter;

  constructor(registry: Registry) {
    this.#registry = registry;
    const registers = [registry];
    this.#commitToAck = new Histogram({
      name: "sluice_commit_to_ack_seconds",
      help: "From the commit of a generation to the ack of a data plane.",
      buckets: [0.025, 0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1, 2, 5, 15, 60, 600],
      registers,
    });
    this.#nacks = new Counter({
      name: "sluice_nacks_total",
      help: "Refusals by data planes, by their code.",
      labelNames: ["code"],
      registers,
    });
  }

  acked(commitToAckMs: number): void {
    this.#commitToAck.observe(commitToAckMs / MS);
  }

  nacked(code: string): void {
    this.#nacks.inc({ code });
  }

  countStreams(open: () => number): void {
    new Gauge({
      name: "sluice_streams",
      help: "Data planes that are connected to this control plane.",
      registers: [this.#registry],
      collect() {
        this.set(open());
      },
    });
  }
}
