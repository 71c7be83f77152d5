/** Lines for a person who watches; never fails, also when nobody watches any more. */
export class Terminal {
  constructor() {
    for (const stream of [process.stdout, process.stderr]) stream.on("error", () => undefined);
  }

  say(line: string): void {
    process.stdout.write(`${line}\n`);
  }

  complain(line: string): void {
    process.stderr.write(`${line}\n`);
  }

  /** Says what is being done, and how long it took when it is done. */
  async step<T>(what: string, work: () => Promise<T>): Promise<T> {
    const startMs = performance.now();
    this.say(`• ${what} ...`);
    const outcome = await work();
    this.say(`  ready in ${((performance.now() - startMs) / 1000).toFixed(1)} s`);
    return outcome;
  }
}
