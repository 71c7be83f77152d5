import {
  type InstanceName,
  type InstanceRegistry,
  type Introduction,
  nameOf,
  type Registration,
} from "../fleet/index.js";

/** As long as this process lives. */
export class RegistryInMemory implements InstanceRegistry {
  readonly #mostPerGroup: number;
  readonly #keys = new Map<string, Uint8Array>();
  readonly #groups = new Map<string, number>();

  constructor(mostPerGroup: number) {
    this.#mostPerGroup = mostPerGroup;
  }

  register(introduction: Introduction): Promise<Registration> {
    const { group, publicKey } = introduction;
    const known = this.#keys.get(nameOf(introduction));
    if (known !== undefined) {
      return Promise.resolve(Buffer.compare(known, publicKey) === 0 ? "registered" : "other-key");
    }
    const size = this.#groups.get(group) ?? 0;
    if (size >= this.#mostPerGroup) return Promise.resolve("full");
    this.#groups.set(group, size + 1);
    this.#keys.set(nameOf(introduction), Uint8Array.from(publicKey));
    return Promise.resolve("registered");
  }

  mayHoldKeys(name: InstanceName, publicKey: Uint8Array): Promise<boolean> {
    const known = this.#keys.get(nameOf(name));
    return Promise.resolve(known !== undefined && Buffer.compare(known, publicKey) === 0);
  }
}
