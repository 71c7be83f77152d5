const MOST_BYTES = 64 * 1024 * 1024;

/**
 * Chunks that are being sent, up to 64 MiB: a hundred data planes that load one snapshot ask the database once. Those
 * asked for at the same time share one answer.
 */
export class ChunkCache {
  readonly #read: (scope: string, sha256: Uint8Array) => Promise<Uint8Array | undefined>;
  /** The least recently used first. */
  readonly #chunks = new Map<string, Uint8Array>();
  readonly #asked = new Map<string, Promise<Uint8Array | undefined>>();
  #bytes = 0;

  constructor(read: (scope: string, sha256: Uint8Array) => Promise<Uint8Array | undefined>) {
    this.#read = read;
  }

  async get(scope: string, sha256: Uint8Array): Promise<Uint8Array | undefined> {
    const key = `${scope}/${Buffer.from(sha256).toString("base64")}`;
    const known = this.#chunks.get(key);
    if (known !== undefined) {
      this.#chunks.delete(key);
      this.#chunks.set(key, known);
      return known;
    }
    const asked = this.#asked.get(key) ?? this.#ask(key, scope, sha256);
    return asked;
  }

  #ask(key: string, scope: string, sha256: Uint8Array): Promise<Uint8Array | undefined> {
    const answer = this.#read(scope, sha256)
      .then((bytes) => {
        if (bytes !== undefined) this.#keep(key, bytes);
        return bytes;
      })
      .finally(() => this.#asked.delete(key));
    this.#asked.set(key, answer);
    return answer;
  }

  #keep(key: string, bytes: Uint8Array): void {
    this.#chunks.set(key, bytes);
    this.#bytes += bytes.length;
    for (const [oldest, { length }] of this.#chunks) {
      if (this.#bytes <= MOST_BYTES) break;
      this.#chunks.delete(oldest);
      this.#bytes -= length;
    }
  }
}
