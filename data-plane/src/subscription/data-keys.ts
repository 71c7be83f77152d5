import type { KeyObject } from "node:crypto";
import {
  BUNDLE_BOUNDS,
  BundleRefused,
  configKeysFor,
  decodeKeyring,
  type TrustedKeyset,
  verify,
} from "@sluice/shared/bundle";
import { messageOf } from "@sluice/shared/errors";
import type { Logger } from "@sluice/shared/observability";
import { openDataKey } from "@sluice/shared/secrets";
import { readBundleFile, type StoredSection, sectionOf, writeBundleFile } from "./bundle-file.js";
import type { Trust } from "./trust.js";

export interface DataKeysOptions {
  readonly path: string;
  readonly scope: string;
  readonly instance: string;
  readonly nodeKey: KeyObject;
  readonly trust: Trust;
  readonly logger: Logger;
}

interface OpenedKeyring {
  readonly section: StoredSection;
  readonly keys: ReadonlyMap<string, Uint8Array>;
}

/** The scope's data keys, in memory only; on disk are the keyrings, sealed to this instance, as received. */
export class DataKeys {
  readonly #options: DataKeysOptions;
  #keyrings: readonly OpenedKeyring[] = [];

  private constructor(options: DataKeysOptions) {
    this.#options = options;
  }

  static async load(options: DataKeysOptions): Promise<DataKeys> {
    const dataKeys = new DataKeys(options);
    const { path, trust, logger } = options;
    try {
      for (const section of (await readBundleFile(path)) ?? []) {
        for (const envelope of section.keyrings) {
          dataKeys.#keyrings = [
            ...dataKeys.#keyrings,
            await dataKeys.#open(envelope, trust.stored(section.keyset)),
          ];
        }
      }
    } catch (error) {
      logger.error("stored data keys cannot be used; the control plane is asked for them", { path, error });
    }
    return dataKeys;
  }

  get keys(): ReadonlyMap<string, Uint8Array> {
    return new Map(this.#keyrings.flatMap(({ keys }) => [...keys]));
  }

  /** Whether there are keys that the newest keyring has not. */
  get hasOlder(): boolean {
    return this.#keyrings.length > 1;
  }

  /** Gives up keyrings that bring none of these keys; the newest stays. @returns the ids of keys that are gone */
  async keepOnly(needed: ReadonlySet<string>): Promise<readonly string[]> {
    const before = this.keys;
    const newest = this.#keyrings.at(-1);
    const next = this.#keyrings.filter(
      (keyring) =>
        keyring === newest ||
        [...keyring.keys.keys()].some((id) => needed.has(id) && newest?.keys.has(id) !== true),
    );
    if (next.length === this.#keyrings.length) return [];
    await writeBundleFile(
      this.#options.path,
      next.map(({ section }) => section),
    );
    this.#keyrings = next;
    const kept = this.keys;
    return [...before.keys()].filter((id) => !kept.has(id));
  }

  /**
   * Takes a keyring that was just received. It is added to those that are held, and takes the place only of those
   * whose keys it has, so that what opens the state in force is never lost.
   * @returns whether it brought a key that was not held.
   * @throws BundleRefused
   */
  async take(envelope: Uint8Array, keyset: TrustedKeyset): Promise<boolean> {
    const taken = await this.#open(envelope, keyset);
    const before = this.keys;
    const next = [
      ...this.#keyrings.filter(({ keys }) => [...keys.keys()].some((id) => !taken.keys.has(id))),
      taken,
    ];
    try {
      await writeBundleFile(
        this.#options.path,
        next.map(({ section }) => section),
      );
    } catch (error) {
      throw new BundleRefused("NOT_DURABLE", "the keyring cannot be written to disk", undefined, error);
    }
    this.#keyrings = next;
    return [...taken.keys.keys()].some((id) => !before.has(id));
  }

  async #open(envelope: Uint8Array, keyset: TrustedKeyset): Promise<OpenedKeyring> {
    const { scope, instance, nodeKey } = this.#options;
    const keyring = decodeKeyring(verify(envelope, configKeysFor(keyset, scope), "keyring"));
    if (keyring.scope !== scope) {
      throw new BundleRefused("WRONG_SCOPE", "the keyring is for another scope", keyring.scope.slice(0, 100));
    }
    if (keyring.instance !== instance) {
      throw new BundleRefused("KEYRING", "the keyring is for another instance");
    }
    if (keyring.dataKeys.length > BUNDLE_BOUNDS.dataKeys) {
      throw new BundleRefused("TOO_LARGE", "the keyring has too many keys", String(keyring.dataKeys.length));
    }
    const keys = new Map<string, Uint8Array>();
    for (const sealed of keyring.dataKeys) {
      try {
        const opened = await openDataKey(sealed, { scope, group: keyring.group, instance }, nodeKey);
        keys.set(opened.id, opened.key);
      } catch (error) {
        throw new BundleRefused("KEYRING", "a data key does not open", messageOf(error), error);
      }
    }
    return { section: sectionOf(keyset.envelope, { keyrings: [envelope] }), keys };
  }
}
