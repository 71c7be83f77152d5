import { createHash, createHmac, pbkdf2Sync, randomBytes } from "node:crypto";

export interface ScramPeerOptions {
  readonly gs2?: string;
  readonly binding?: Buffer;
  readonly nonce?: string;
}

/** The client's side of SCRAM-SHA-256 by the RFC, apart from `data-plane/src/auth`; its parts may be replaced by wrong ones. */
export class ScramPeer {
  readonly nonce: string;
  readonly #password: string;
  readonly #gs2: string;
  readonly #binding: Buffer;

  constructor(
    password: string,
    {
      gs2 = "n,,",
      binding = Buffer.alloc(0),
      nonce = randomBytes(18).toString("base64"),
    }: ScramPeerOptions = {},
  ) {
    this.#password = password;
    this.#gs2 = gs2;
    this.#binding = binding;
    this.nonce = nonce;
  }

  get #firstBare(): string {
    return `n=,r=${this.nonce}`;
  }

  first(): string {
    return this.#gs2 + this.#firstBare;
  }

  /** @returns client-final-message, and the signature that the server must answer with */
  final(
    serverFirst: string,
    change: { readonly nonce?: string; readonly binding?: string } = {},
  ): { readonly message: string; readonly serverSignature: string } {
    const [, nonce = "", salt = "", iterations = ""] =
      /^r=([^,]*),s=([^,]*),i=(\d+)$/.exec(serverFirst) ?? [];
    const salted = saltedPassword(this.#password, salt, Number(iterations));
    const clientKey = hmac(salted, "Client Key");
    const c = change.binding ?? Buffer.concat([Buffer.from(this.#gs2), this.#binding]).toString("base64");
    const withoutProof = `c=${c},r=${change.nonce ?? nonce}`;
    const authMessage = `${this.#firstBare},${serverFirst},${withoutProof}`;
    const signature = hmac(createHash("sha256").update(clientKey).digest(), authMessage);
    const proof = Buffer.from(clientKey.map((byte, at) => byte ^ (signature[at] ?? 0)));
    return {
      message: `${withoutProof},p=${proof.toString("base64")}`,
      serverSignature: hmac(hmac(salted, "Server Key"), authMessage).toString("base64"),
    };
  }
}

const MOST_SALTED = 100;
const salted = new Map<string, Buffer>();

/** Kept for the next login, as RFC 5802 lets a client do: with thousands of them this is what a storm would measure. */
function saltedPassword(password: string, salt: string, iterations: number): Buffer {
  const key = JSON.stringify([password, salt, iterations]);
  const known = salted.get(key);
  if (known !== undefined) return known;
  const made = pbkdf2Sync(password, Buffer.from(salt, "base64"), iterations, 32, "sha256");
  if (salted.size >= MOST_SALTED) salted.clear();
  salted.set(key, made);
  return made;
}

function hmac(key: Uint8Array, text: string): Buffer {
  return createHmac("sha256", key).update(text).digest();
}
