/** What the beginning of a TLS connection tells about the name that is asked for. */
export type HelloName =
  | { readonly kind: "incomplete" }
  /** Undefined: no name, or nothing that can be read here; the handshake itself will judge it. */
  | { readonly kind: "read"; readonly serverName: string | undefined };

const HANDSHAKE_RECORD = 0x16;
const CLIENT_HELLO = 1;
const SERVER_NAME_EXTENSION = 0;
const HOST_NAME = 0;
const RECORD_HEADER_BYTES = 5;
const MOST_RECORD_BYTES = 16_384;

const NONE: HelloName = { kind: "read", serverName: undefined };

/**
 * The server name of a ClientHello (RFC 8446 section 4.1.2, RFC 6066 section 3). Read ahead of the handshake, since
 * Node's SNICallback can set one certificate only and leaves the default's of another key type in force.
 */
export function readHelloName(held: Buffer): HelloName {
  if (held.length < RECORD_HEADER_BYTES) return { kind: "incomplete" };
  const recordBytes = held.readUInt16BE(3);
  if (held[0] !== HANDSHAKE_RECORD || recordBytes > MOST_RECORD_BYTES) return NONE;
  if (held.length < RECORD_HEADER_BYTES + recordBytes) return { kind: "incomplete" };
  try {
    return nameIn(new Fields(held.subarray(RECORD_HEADER_BYTES, RECORD_HEADER_BYTES + recordBytes)));
  } catch {
    // Cut, or continued in another record.
    return NONE;
  }
}

function nameIn(record: Fields): HelloName {
  if (record.uint(1) !== CLIENT_HELLO) return NONE;
  const hello = record.vector(3);
  hello.skip(2 + 32);
  hello.vector(1);
  hello.vector(2);
  hello.vector(1);
  const extensions = hello.vector(2);
  while (extensions.left > 0) {
    const type = extensions.uint(2);
    const extension = extensions.vector(2);
    if (type !== SERVER_NAME_EXTENSION) continue;
    const names = extension.vector(2);
    if (names.uint(1) !== HOST_NAME) return NONE;
    return { kind: "read", serverName: names.vector(2).text().toLowerCase() };
  }
  return NONE;
}

/** Numbers and vectors with their length in front, one after the other. @throws RangeError at the end */
class Fields {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  get left(): number {
    return this.#bytes.length - this.#at;
  }

  uint(bytes: number): number {
    const value = this.#bytes.readUIntBE(this.#at, bytes);
    this.#at += bytes;
    return value;
  }

  vector(lengthBytes: number): Fields {
    const length = this.uint(lengthBytes);
    this.skip(length);
    return new Fields(this.#bytes.subarray(this.#at - length, this.#at));
  }

  skip(bytes: number): void {
    if (bytes > this.left) throw new RangeError("the message is cut");
    this.#at += bytes;
  }

  text(): string {
    return this.#bytes.toString("latin1");
  }
}
