/** Distinguished Encoding Rules (ITU-T X.690), as far as one certificate needs them. */
export function sequence(...parts: readonly Uint8Array[]): Buffer {
  return tagged(0x30, Buffer.concat(parts));
}

export function set(...parts: readonly Uint8Array[]): Buffer {
  return tagged(0x31, Buffer.concat(parts));
}

/** Not negative, big-endian. */
export function unsigned(bytes: Uint8Array): Buffer {
  return tagged(0x02, (bytes[0] ?? 0) > 0x7f ? Buffer.concat([Buffer.of(0), bytes]) : bytes);
}

export function octets(bytes: Uint8Array): Buffer {
  return tagged(0x04, bytes);
}

/** Whole bytes, none of their bits unused. */
export function bits(bytes: Uint8Array, unusedBits = 0): Buffer {
  return tagged(0x03, Buffer.concat([Buffer.of(unusedBits), bytes]));
}

export function utf8(text: string): Buffer {
  return tagged(0x0c, Buffer.from(text));
}

export function truth(): Buffer {
  return tagged(0x01, Buffer.of(0xff));
}

/** Until 2049, as X.509 wants it: GeneralizedTime takes over then. */
export function time(date: Date): Buffer {
  const digits = date.toISOString().replaceAll(/[-:T]|\.\d+/g, "");
  return date.getUTCFullYear() < 2050
    ? tagged(0x17, Buffer.from(digits.slice(2)))
    : tagged(0x18, Buffer.from(digits));
}

/** `1.2.840.10045.2.1`. */
export function objectIdentifier(dotted: string): Buffer {
  const [first = 0, second = 0, ...rest] = dotted.split(".").map(Number);
  return tagged(0x06, Buffer.from([first * 40 + second, ...rest.flatMap(base128)]));
}

/** A field known by its number in the context, with content of its own. */
export function context(number: number, content: Uint8Array, constructed = true): Buffer {
  return tagged((constructed ? 0xa0 : 0x80) + number, content);
}

function tagged(tag: number, content: Uint8Array): Buffer {
  const { length } = content;
  if (length < 0x80) return Buffer.concat([Buffer.of(tag, length), content]);
  const bytes = Buffer.from(
    length.toString(16).padStart(length > 0xffff ? 6 : length > 0xff ? 4 : 2, "0"),
    "hex",
  );
  return Buffer.concat([Buffer.of(tag, 0x80 + bytes.length), bytes, content]);
}

function base128(arc: number): number[] {
  const digits = [arc & 0x7f];
  for (let rest = Math.floor(arc / 128); rest > 0; rest = Math.floor(rest / 128)) {
    digits.unshift(0x80 + (rest & 0x7f));
  }
  return digits;
}
