/** Wakes one waiter when something happened since it last looked; notices do not pile up. */
export class Signal {
  #happened = false;
  #wake: (() => void) | undefined;

  notify(): void {
    this.#happened = true;
    this.#wake?.();
  }

  async wait(): Promise<void> {
    if (!this.#happened) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
      this.#wake = undefined;
    }
    this.#happened = false;
  }
}
