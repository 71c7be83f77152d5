import { createPrivateKey, X509Certificate } from "node:crypto";
import { createSecureContext, type SecureContextOptions } from "node:tls";
import { endPointBinding } from "./end-point-binding.js";

/** A certificate with its chain, and its private key, as PEM. */
export interface CertificatePair {
  readonly cert: string;
  readonly key: string;
}

/** What is shown for a name: one certificate of each type of key, between which OpenSSL chooses by the client. */
export interface CertificateChoice {
  /** The same for the same certificates of one set. */
  readonly id: string;
  readonly options: SecureContextOptions;
  /** When there is one: with its `tls-server-end-point`, if it has such a binding. */
  readonly only: { readonly binding: Buffer | undefined } | undefined;
}

const MOST_NAMES = 1000;

interface Loaded extends CertificatePair {
  readonly leaf: X509Certificate;
  /** `rsa`, `ec`, `ed25519` */
  readonly keyType: string | undefined;
}

/** The certificates that clients may be shown: which, the server name that they ask for decides. */
export class CertificateSet {
  readonly #pairs: readonly Loaded[];
  readonly #base: SecureContextOptions;
  readonly #bindings: ReadonlyMap<string, Buffer | undefined>;
  /** The first pair, and those for the same names with another type of key. */
  readonly #likeFirst: readonly number[];
  /** By the name that was asked for, which is anybody's: so many, then forgotten. */
  readonly #choices = new Map<string | undefined, CertificateChoice>();

  /** @throws Error when a pair cannot be used, or there is none */
  constructor(pairs: readonly CertificatePair[], base: SecureContextOptions) {
    this.#pairs = pairs.map((pair) => load(pair));
    if (this.#pairs.length === 0) throw new Error("there is no certificate");
    this.#base = base;
    this.#bindings = new Map(
      this.#pairs.map(({ leaf }) => [leaf.fingerprint256, endPointBinding(leaf.raw)] as const),
    );
    const names = this.#pairs[0]?.leaf.subjectAltName;
    const like = [...this.#pairs.keys()].filter((at) => this.#pairs[at]?.leaf.subjectAltName === names);
    this.#likeFirst = this.#oneOfEachType(like);
    // What does not work is found out now.
    createSecureContext(this.choose(undefined).options);
    for (const at of this.#pairs.keys()) createSecureContext(this.#choice([at]).options);
  }

  /** The soonest end of a certificate, for those who must renew it. */
  get expiresAt(): Date {
    return new Date(Math.min(...this.#pairs.map(({ leaf }) => Date.parse(leaf.validTo))));
  }

  /** Whether it matters which name a client asks for. */
  get dependsOnName(): boolean {
    return this.#likeFirst.length < this.#pairs.length;
  }

  choose(serverName: string | undefined): CertificateChoice {
    const known = this.#choices.get(serverName);
    if (known !== undefined) return known;
    const choice = this.#choose(serverName);
    if (this.#choices.size >= MOST_NAMES) this.#choices.clear();
    this.#choices.set(serverName, choice);
    return choice;
  }

  #choose(serverName: string | undefined): CertificateChoice {
    const named =
      serverName === undefined
        ? []
        : [...this.#pairs.keys()].filter((at) => isFor(serverName, this.#pairs[at]?.leaf));
    return this.#choice(named.length > 0 ? this.#oneOfEachType(named) : this.#likeFirst);
  }

  /** `tls-server-end-point` of the certificate that was shown. */
  bindingOf(fingerprint256: string): Buffer | undefined {
    return this.#bindings.get(fingerprint256);
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

  #choice(positions: readonly number[]): CertificateChoice {
    const chosen = positions.flatMap((at) => this.#pairs[at] ?? []);
    const [cert, key] = [chosen.map((pair) => pair.cert), chosen.map((pair) => pair.key)];
    const [only, ...others] = chosen;
    return {
      id: positions.join(),
      options: { ...this.#base, cert, key },
      only:
        only === undefined || others.length > 0
          ? undefined
          : { binding: this.#bindings.get(only.leaf.fingerprint256) },
    };
  }
}

function load(pair: CertificatePair): Loaded {
  const leaf = new X509Certificate(pair.cert);
  if (!leaf.checkPrivateKey(createPrivateKey(pair.key)))
    throw new Error(`the private key is not that of the certificate ${leaf.subject}`);
  return { ...pair, leaf, keyType: leaf.publicKey.asymmetricKeyType };
}

/** A name that is none, with a zero byte for instance, is nobody's. */
function isFor(serverName: string, certificate: X509Certificate | undefined): boolean {
  try {
    return certificate?.checkHost(serverName) !== undefined;
  } catch {
    return false;
  }
}
