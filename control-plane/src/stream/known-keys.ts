/** Which X25519 key each instance has registered. */
export interface KnownKeys {
  /** Registers on first sight. "other": it is known with another key, which stays. "full": the group has too many. */
  register(group: string, instance: string, publicKey: Uint8Array): Promise<"registered" | "other" | "full">;
}

/** As long as this process lives. */
export class KnownKeysInMemory implements KnownKeys {
  readonly #mostPerGroup: number;
  readonly #groups = new Map<string, Map<string, Uint8Array>>();

  constructor(mostPerGroup: number) {
    this.#mostPerGroup = mostPerGroup;
  }

  register(group: string, instance: string, publicKey: Uint8Array): Promise<"registered" | "other" | "full"> {
    const keys = this.#groups.get(group) ?? new Map<string, Uint8Array>();
    this.#groups.set(group, keys);
    const known = keys.get(instance);
    if (known !== undefined) {
      return Promise.resolve(Buffer.compare(known, publicKey) === 0 ? "registered" : "other");
    }
    if (keys.size >= this.#mostPerGroup) return Promise.resolve("full");
    keys.set(instance, Uint8Array.from(publicKey));
    return Promise.resolve("registered");
  }
}
