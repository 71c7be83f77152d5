import { describe, expect, it } from "vitest";
import { MessageWriter } from "./message-writer.js";
import { BadStartupMessage, StartupPacketTooLarge } from "./startup-failure.js";
import {
  decodeStartupPacket,
  MOST_STARTUP_BYTES,
  PROTOCOL_3_0,
  STARTUP_CODE,
  startupPacketLength,
} from "./startup-packet.js";

function startup(body: string): Buffer {
  return new MessageWriter().int32(PROTOCOL_3_0).bytes(Buffer.from(body)).end();
}

function length(value: number): Buffer {
  return new MessageWriter().int32(value).end().subarray(4);
}

describe("startup packets", () => {
  it("are decoded with their parameters, the last of a name counting", () => {
    expect(decodeStartupPacket(startup("user\0a\0database\0d\0user\0b\0options\0\0\0"))).toEqual({
      kind: "startup",
      version: PROTOCOL_3_0,
      parameters: new Map([
        ["user", "b"],
        ["database", "d"],
        ["options", ""],
      ]),
    });
  });

  it("may ask for encryption, with nothing behind", () => {
    expect(decodeStartupPacket(new MessageWriter().int32(STARTUP_CODE.ssl).end())).toEqual({ kind: "ssl" });
    expect(decodeStartupPacket(new MessageWriter().int32(STARTUP_CODE.gssenc).end())).toEqual({
      kind: "gssenc",
    });
    const longer = new MessageWriter().int32(STARTUP_CODE.ssl).int32(0).end();
    expect(() => decodeStartupPacket(longer)).toThrow(BadStartupMessage);
  });

  it("may ask to cancel, with a secret of 4 to 256 bytes", () => {
    const cancel = (bytes: number) =>
      new MessageWriter().int32(STARTUP_CODE.cancel).int32(77).bytes(Buffer.alloc(bytes, 1)).end();
    expect(decodeStartupPacket(cancel(4))).toEqual({ kind: "cancel", pid: 77, secret: Buffer.alloc(4, 1) });
    expect(decodeStartupPacket(cancel(256)).kind).toBe("cancel");
    for (const bytes of [0, 3, 257])
      expect(() => decodeStartupPacket(cancel(bytes))).toThrow(BadStartupMessage);
  });

  it("are refused without a terminator, without a value, and with bytes behind the terminator", () => {
    for (const body of ["", "user\0a\0", "user\0a", "user", "user\0a\0\0x"])
      expect(() => decodeStartupPacket(startup(body)), JSON.stringify(body)).toThrow(BadStartupMessage);
  });

  it("tell their length from four bytes, within PostgreSQL's bounds", () => {
    expect(startupPacketLength(Buffer.alloc(3))).toBeUndefined();
    expect(startupPacketLength(length(8))).toBe(8);
    expect(startupPacketLength(length(MOST_STARTUP_BYTES))).toBe(MOST_STARTUP_BYTES);
    for (const bad of [-1, 0, 7]) expect(() => startupPacketLength(length(bad))).toThrow(BadStartupMessage);
    for (const bad of [MOST_STARTUP_BYTES + 1, 2 ** 31 - 1])
      expect(() => startupPacketLength(length(bad))).toThrow(StartupPacketTooLarge);
  });
});
