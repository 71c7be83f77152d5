import { generateKeyPairSync, type KeyObject } from "node:crypto";
import {
  configKeysFor,
  openKeyset,
  publicKeyFromRaw,
  rawPublicKey,
  type Signer,
  signerOf,
  signKeyset,
  type TrustedKeys,
  type TrustedKeyset,
} from "@sluice/shared/bundle";

const YEAR_MS = 365 * 24 * 3600 * 1000;

/** One root key, one config key, and the keyset that joins them. */
export class Trust {
  readonly signer: Signer;
  readonly keyset: TrustedKeyset;
  readonly #root: KeyObject;
  readonly #config: KeyObject;

  private constructor(root: KeyObject, config: KeyObject, keyset: TrustedKeyset) {
    this.signer = signerOf(config);
    this.keyset = keyset;
    this.#root = root;
    this.#config = config;
  }

  static async make(): Promise<Trust> {
    const root = generateKeyPairSync("ed25519").privateKey;
    const config = generateKeyPairSync("ed25519").privateKey;
    return new Trust(root, config, await keysetOf(root, [config], 1n));
  }

  /** The same keys in a higher epoch. */
  async raised(epoch: bigint): Promise<Trust> {
    return new Trust(this.#root, this.#config, await keysetOf(this.#root, [this.#config], epoch));
  }

  /** The root key as a data plane is given it. */
  get rootKeys(): TrustedKeys {
    return { keys: [publicKeyFromRaw(rawPublicKey(this.#root))], threshold: 1 };
  }

  /**
   * The same root key and another keyset.
   * @param change what it says; by default it lists the config key of before. A new config key signs from now on.
   */
  async changed(change: {
    readonly version: bigint;
    readonly epoch?: bigint;
    readonly newKey?: boolean;
    readonly keepsOld?: boolean;
    readonly scopes?: readonly string[];
  }): Promise<Trust> {
    const { version, epoch = this.keyset.minEpoch, newKey = false, keepsOld = !newKey, scopes = [] } = change;
    const config = newKey ? generateKeyPairSync("ed25519").privateKey : this.#config;
    const keys = newKey && keepsOld ? [config, this.#config] : [config];
    return new Trust(this.#root, config, await keysetOf(this.#root, keys, epoch, version, scopes));
  }

  /** Raw public root key: what a data plane is given. */
  get rootKey(): Uint8Array {
    return rawPublicKey(this.#root);
  }

  /** What a data plane of this scope checks signatures with. */
  keysFor(scope: string): TrustedKeys {
    return configKeysFor(this.keyset, scope);
  }
}

async function keysetOf(
  root: KeyObject,
  configs: readonly KeyObject[],
  epoch: bigint,
  version = epoch,
  scopes: readonly string[] = [],
): Promise<TrustedKeyset> {
  const nowMs = Date.now();
  const envelope = await signKeyset([signerOf(root)], {
    version,
    minEpoch: epoch,
    issuedAtMs: BigInt(nowMs),
    expiresAtMs: BigInt(nowMs + YEAR_MS),
    configKeys: configs.map((config) => ({ publicKey: rawPublicKey(config), scopes: [...scopes] })),
  });
  return openKeyset(envelope, { keys: [publicKeyFromRaw(rawPublicKey(root))], threshold: 1 });
}
