import { BlockList, isIPv4, isIPv6 } from "node:net";

/** An IPv4 address as a socket that listens on `::` shows it. */
const MAPPED = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i;

/** Ranges of addresses, in CIDR notation. An empty list holds nobody. */
export class AddressRanges {
  /** One a family: a BlockList finds a v4 address in `::/0`, which a tenant does not mean. */
  readonly #lists = { ipv4: new BlockList(), ipv6: new BlockList() };
  #empty = true;

  /** @throws Error that names the range which is none. */
  static parse(ranges: readonly string[]): AddressRanges {
    const parsed = new AddressRanges();
    for (const range of ranges) parsed.#add(range);
    return parsed;
  }

  get empty(): boolean {
    return this.#empty;
  }

  /** @param address as a socket shows it. What is no address is in no range. */
  includes(address: string): boolean {
    const plain = MAPPED.exec(address)?.[1] ?? address.split("%", 1)[0] ?? "";
    if (isIPv4(plain)) return this.#lists.ipv4.check(plain, "ipv4");
    return isIPv6(plain) && this.#lists.ipv6.check(plain, "ipv6");
  }

  #add(range: string): void {
    const [address = "", prefix = "", ...rest] = range.split("/");
    const family = isIPv4(address) ? "ipv4" : isIPv6(address) && !address.includes("%") ? "ipv6" : undefined;
    const bits = /^\d{1,3}$/.test(prefix) ? Number(prefix) : Number.POSITIVE_INFINITY;
    if (family === undefined || rest.length > 0 || bits > (family === "ipv4" ? 32 : 128)) {
      throw new Error(`${JSON.stringify(range.slice(0, 64))} is no address range`);
    }
    this.#empty = false;
    this.#lists[family].addSubnet(address, bits, family);
  }
}
