import { Code, ConnectError } from "@connectrpc/connect";

/** The keys that instances have registered with. A new key for a known instance is refused until this process ends. */
export class Instances {
  readonly #keys = new Map<string, Uint8Array>();

  /** @throws ConnectError */
  register(group: string, instance: string, publicKey: Uint8Array): void {
    if (!/^[A-Za-z0-9-]{8,64}$/.test(instance))
      throw new ConnectError("bad instance id", Code.InvalidArgument);
    if (publicKey.length !== 32) throw new ConnectError("bad public key", Code.InvalidArgument);
    const name = `${group}/${instance}`;
    const known = this.#keys.get(name);
    if (known !== undefined && Buffer.compare(known, publicKey) !== 0) {
      throw new ConnectError(`instance ${name} is known with another key`, Code.PermissionDenied);
    }
    this.#keys.set(name, publicKey);
  }
}
