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
    return new Trust(root, config, await keysetOf(root, config, 1n));
  }

  /** The same keys in a higher epoch. */
  async raised(epoch: bigint): Promise<Trust> {
    return new Trust(this.#root, this.#config, await keysetOf(this.#root, this.#config, epoch));
  }

  /** What a data plane of this scope checks signatures with. */
  keysFor(scope: string): TrustedKeys {
    return configKeysFor(this.keyset, scope);
  }
}

async function keysetOf(root: KeyObject, config: KeyObject, epoch: bigint): Promise<TrustedKeyset> {
  const nowMs = Date.now();
  const envelope = await signKeyset([signerOf(root)], {
    version: epoch,
    minEpoch: epoch,
    issuedAtMs: BigInt(nowMs),
    expiresAtMs: BigInt(nowMs + YEAR_MS),
    configKeys: [{ publicKey: rawPublicKey(config), scopes: [] }],
  });
  return openKeyset(envelope, { keys: [publicKeyFromRaw(rawPublicKey(root))], threshold: 1 });
}
