import type { Signer } from "@sluice/shared/bundle";

/** Signs when it is released, as a service elsewhere that has the key takes its time. */
export class HeldSigner implements Signer {
  readonly keyId: string;
  /** When the first signature has been asked for. */
  readonly asked: Promise<void>;
  readonly #signer: Signer;
  readonly #released: Promise<void>;
  #tellAsked: () => void = () => undefined;
  #release: () => void = () => undefined;

  constructor(signer: Signer) {
    this.keyId = signer.keyId;
    this.#signer = signer;
    this.asked = new Promise((resolve) => {
      this.#tellAsked = resolve;
    });
    this.#released = new Promise((resolve) => {
      this.#release = resolve;
    });
  }

  release(): void {
    this.#release();
  }

  async sign(message: Uint8Array): Promise<Uint8Array> {
    this.#tellAsked();
    await this.#released;
    return this.#signer.sign(message);
  }
}
