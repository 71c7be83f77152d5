import { TooManyUnauthenticated } from "./admission-failure.js";

/** A client from accept until it has logged in or gone. */
export interface Arrival {
  /** Its address is known now. @throws TooManyUnauthenticated */
  from(group: string | undefined): void;
  /** Once or more. */
  end(): void;
}

/** How many clients may be on their way to a login: their memory and time are spent on strangers. */
export class UnauthenticatedClients {
  readonly #most: number;
  readonly #mostPerAddress: number;
  readonly #byAddress = new Map<string, number>();
  #total = 0;

  constructor(most: number, mostPerAddress: number) {
    this.#most = most;
    this.#mostPerAddress = mostPerAddress;
  }

  get total(): number {
    return this.#total;
  }

  /** @throws TooManyUnauthenticated */
  arrive(): Arrival {
    if (this.#total >= this.#most) throw new TooManyUnauthenticated();
    this.#total += 1;
    let here = true;
    let counted: string | undefined;
    return {
      from: (group) => {
        if (group === undefined || !here || counted !== undefined) return;
        const before = this.#byAddress.get(group) ?? 0;
        if (before >= this.#mostPerAddress) throw new TooManyUnauthenticated();
        this.#byAddress.set(group, before + 1);
        counted = group;
      },
      end: () => {
        if (!here) return;
        here = false;
        this.#total -= 1;
        if (counted === undefined) return;
        const left = (this.#byAddress.get(counted) ?? 1) - 1;
        if (left > 0) this.#byAddress.set(counted, left);
        else this.#byAddress.delete(counted);
      },
    };
  }
}
