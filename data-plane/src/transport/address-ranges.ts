import { BlockList, isIPv4, isIPv6 } from "node:net";

/** An IPv4 address as a socket that listens on `::` shows it. */
const MAPPED = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i;

const MOST_KNOWN = 1000;

/** Ranges of addresses, in CIDR notation. An empty list holds nobody. Never changes once it is made. */
export class AddressRanges {
  /** Most tenants have the same one; a BlockList is an object outside the heap, and 200,000 of them are slow to collect. */
  static readonly #known = new Map<string, AddressRanges>();
  /** One a family: a BlockList finds a v4 address in `::/0`, which a tenant does not mean. Undefined: no such range. */
  readonly #lists: { ipv4: BlockList | undefined; ipv6: BlockList | undefined } = {
    ipv4: undefined,
    ipv6: undefined,
  };

  /** Families of which every address is in: what most tenants have, and asking a BlockList costs some 2 µs. */
  readonly #whole = { ipv4: false, ipv6: false };

  /** @throws Error that names the range which is none. */
  static parse(ranges: readonly string[]): AddressRanges {
    const name = JSON.stringify(ranges);
    const known = AddressRanges.#known.get(name);
    if (known !== undefined) return known;
    const parsed = new AddressRanges();
    for (const range of ranges) parsed.#add(range);
    if (AddressRanges.#known.size >= MOST_KNOWN) AddressRanges.#known.clear();
    AddressRanges.#known.set(name, parsed);
    return parsed;
  }

  get empty(): boolean {
    return this.#lists.ipv4 === undefined && this.#lists.ipv6 === undefined;
  }

  /** @param address as a socket shows it. What is no address is in no range. */
  includes(address: string): boolean {
    if (this.empty) return false;
    const plain = MAPPED.exec(address)?.[1] ?? address.split("%", 1)[0] ?? "";
    const family = isIPv4(plain) ? "ipv4" : isIPv6(plain) ? "ipv6" : undefined;
    if (family === undefined) return false;
    return this.#whole[family] || (this.#lists[family]?.check(plain, family) ?? false);
  }

  #add(range: string): void {
    const [address = "", prefix = "", ...rest] = range.split("/");
    const family = isIPv4(address) ? "ipv4" : isIPv6(address) && !address.includes("%") ? "ipv6" : undefined;
    const bits = /^\d{1,3}$/.test(prefix) ? Number(prefix) : Number.POSITIVE_INFINITY;
    if (family === undefined || rest.length > 0 || bits > (family === "ipv4" ? 32 : 128)) {
      throw new Error(`${JSON.stringify(range.slice(0, 64))} is no address range`);
    }
    const list = this.#lists[family] ?? new BlockList();
    this.#lists[family] = list;
    if (bits === 0) this.#whole[family] = true;
    list.addSubnet(address, bits, family);
  }
}
