import {
  BundleRefused,
  followsKeyset,
  KeysetOlder,
  notExpired,
  openKeyset,
  type TrustedKeys,
  type TrustedKeyset,
} from "@sluice/shared/bundle";
import type { Logger } from "@sluice/shared/observability";
import { readIfThere, writeDurably } from "./durable-file.js";
import { sameBytes } from "./position.js";

/** The keyset in force, as the root keys signed it; kept on disk as received. */
export class Trust {
  readonly #path: string;
  readonly #rootKeys: TrustedKeys;
  #held: TrustedKeyset | undefined;

  private constructor(path: string, rootKeys: TrustedKeys, held: TrustedKeyset | undefined) {
    this.#path = path;
    this.#rootKeys = rootKeys;
    this.#held = held;
  }

  /** A keyset that cannot be used any more is told loudly and left out: the control plane sends one. */
  static async load(path: string, rootKeys: TrustedKeys, logger: Logger): Promise<Trust> {
    const bytes = await readIfThere(path);
    if (bytes === undefined) return new Trust(path, rootKeys, undefined);
    try {
      return new Trust(path, rootKeys, openKeyset(bytes, rootKeys));
    } catch (error) {
      logger.error("the stored keyset cannot be used", { path, error });
      return new Trust(path, rootKeys, undefined);
    }
  }

  get version(): bigint {
    return this.#held?.version ?? 0n;
  }

  /** Ms since the epoch; undefined: none is held. */
  get expiresAtMs(): number | undefined {
    return this.#held?.expiresAtMs;
  }

  /** What new configuration must be signed under. @throws BundleRefused when there is none, or it has expired. */
  current(nowMs: number): TrustedKeyset {
    if (this.#held === undefined) throw new BundleRefused("NO_KEYSET", "no keyset is held yet");
    return notExpired(this.#held, nowMs);
  }

  /**
   * By which what is on disk counts: the keyset that lies beside it, whose root signature counts and whose expiry does
   * not; where the root keys of today do not know that one, the keyset in force. Then it has to be signed by a config
   * key that is still trusted: see docs/decisions/2026-12-01-root-keys-that-change.md.
   */
  stored(envelope: Uint8Array): TrustedKeyset {
    const held = this.#held;
    if (held !== undefined && sameBytes(held.envelope, envelope)) return held;
    try {
      return openKeyset(envelope, this.#rootKeys);
    } catch (error) {
      if (held === undefined || !(error instanceof BundleRefused)) throw error;
      return held;
    }
  }

  /**
   * @param highestVersion ever held: also when the file was lost, nothing older is taken.
   * @throws BundleRefused
   */
  async take(envelope: Uint8Array, highestVersion: bigint): Promise<"same" | "newer"> {
    const next = openKeyset(envelope, this.#rootKeys);
    const order = followsKeyset(this.#held, next);
    if (order === "same") return order;
    if (next.version < highestVersion) {
      throw new KeysetOlder(`version ${next.version}, held was ${highestVersion}`);
    }
    try {
      await writeDurably(this.#path, [envelope]);
    } catch (error) {
      throw new BundleRefused("NOT_DURABLE", "the keyset cannot be written to disk", undefined, error);
    }
    this.#held = next;
    return order;
  }
}
