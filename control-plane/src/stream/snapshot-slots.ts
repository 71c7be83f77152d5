/** Asked for until `granted`, then held until `release`. */
export interface Slot {
  readonly granted: boolean;
  /** Gives it back, or gives up waiting. More than once does nothing. */
  release(): void;
}

interface Asked {
  granted: boolean;
  readonly onGranted: () => void;
}

/** At most `size` snapshots are sent at one time; those who wait are served in the order of their asking. */
export class SnapshotSlots {
  readonly #size: number;
  #granted = 0;
  readonly #waiting = new Set<Asked>();

  constructor(size: number) {
    this.#size = size;
  }

  ask(onGranted: () => void): Slot {
    const asked: Asked = { granted: false, onGranted };
    if (this.#granted < this.#size) this.#grant(asked);
    else this.#waiting.add(asked);
    let released = false;
    return {
      get granted() {
        return asked.granted;
      },
      release: () => {
        if (released) return;
        released = true;
        if (!asked.granted) {
          this.#waiting.delete(asked);
          return;
        }
        this.#granted -= 1;
        const [next] = this.#waiting;
        if (next === undefined) return;
        this.#waiting.delete(next);
        this.#grant(next);
        next.onGranted();
      },
    };
  }

  #grant(asked: Asked): void {
    asked.granted = true;
    this.#granted += 1;
  }
}
