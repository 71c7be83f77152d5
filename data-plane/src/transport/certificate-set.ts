import { createPrivateKey, X509Certificate } from "node:crypto";
import { createSecureContext, type SecureContext, type SecureContextOptions } from "node:tls";
import { endPointBinding } from "./end-point-binding.js";

/** A certificate with its chain, and its private key, as PEM. */
export interface CertificatePair {
  readonly cert: string;
  readonly key: string;
}

interface Loaded extends CertificatePair {
  readonly leaf: X509Certificate;
  /** `rsa`, `ec`, `ed25519`: OpenSSL chooses between one of each by what the client can verify. */
  readonly keyType: string | undefined;
}

/** The certificates that clients may be shown: which one, the server name that they ask for decides. */
export class CertificateSet {
  readonly #pairs: readonly Loaded[];
  readonly #base: SecureContextOptions;
  /** By the pairs in it. Bounded by what can be combined, not by what clients ask for. */
  readonly #contexts = new Map<string, SecureContext>();
  readonly #bindings: ReadonlyMap<string, Buffer | undefined>;

  /** @throws Error when a pair cannot be used, or there is none */
  constructor(pairs: readonly CertificatePair[], base: SecureContextOptions) {
    this.#pairs = pairs.map((pair) => load(pair));
    if (this.#pairs.length === 0) throw new Error("there is no certificate");
    this.#base = base;
    this.#bindings = new Map(
      this.#pairs.map(({ leaf }) => [leaf.fingerprint256, endPointBinding(leaf.raw)] as const),
    );
    // What does not work together is found out now.
    for (const at of this.#pairs.keys()) this.#contextOf([at]);
    this.#contextOf(this.#likeFirst());
  }

  /** For a client that asks for no name. */
  get options(): SecureContextOptions {
    return this.#optionsOf(this.#likeFirst());
  }

  /** The soonest end of a certificate, for those who must renew it. */
  get expiresAt(): Date {
    return new Date(Math.min(...this.#pairs.map(({ leaf }) => Date.parse(leaf.validTo))));
  }

  contextFor(serverName: string): SecureContext {
    const named: number[] = [];
    for (const [at, { leaf }] of this.#pairs.entries()) {
      if (leaf.checkHost(serverName) !== undefined) named.push(at);
    }
    return this.#contextOf(named.length > 0 ? this.#oneOfEachType(named) : this.#likeFirst());
  }

  /** `tls-server-end-point` of the certificate that was shown. */
  bindingOf(fingerprint256: string): Buffer | undefined {
    return this.#bindings.get(fingerprint256);
  }

  /** The first pair, and those for the same names with another type of key. */
  #likeFirst(): readonly number[] {
    const names = this.#pairs[0]?.leaf.subjectAltName;
    const like = [...this.#pairs.keys()].filter((at) => this.#pairs[at]?.leaf.subjectAltName === names);
    return this.#oneOfEachType(like);
  }

  #oneOfEachType(positions: readonly number[]): readonly number[] {
    const seen = new Set<string | undefined>();
    return positions.filter((at) => {
      const type = this.#pairs[at]?.keyType;
      if (seen.has(type)) return false;
      seen.add(type);
      return true;
    });
  }

  #contextOf(positions: readonly number[]): SecureContext {
    const name = positions.join();
    const known = this.#contexts.get(name);
    if (known !== undefined) return known;
    const context = createSecureContext(this.#optionsOf(positions));
    this.#contexts.set(name, context);
    return context;
  }

  #optionsOf(positions: readonly number[]): SecureContextOptions {
    const chosen = positions.flatMap((at) => this.#pairs[at] ?? []);
    return { ...this.#base, cert: chosen.map(({ cert }) => cert), key: chosen.map(({ key }) => key) };
  }
}

function load(pair: CertificatePair): Loaded {
  const leaf = new X509Certificate(pair.cert);
  if (!leaf.checkPrivateKey(createPrivateKey(pair.key)))
    throw new Error(`the private key is not that of the certificate ${leaf.subject}`);
  return { ...pair, leaf, keyType: leaf.publicKey.asymmetricKeyType };
}
