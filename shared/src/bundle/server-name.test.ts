import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { decodeTenant } from "./decode.js";
import { encodeTenant } from "./encode.js";
import { serverNameOf } from "./server-name.js";
import type { VerifiedBytes } from "./verified-bytes.js";

describe("serverNameOf", () => {
  it("reads what the whole record says, whatever else is in it", () => {
    const text = fc.string({ maxLength: 20 });
    const record = fc.record({ externalId: text, dbHost: text, dbPort: fc.nat(65_535), sniHostname: text });
    fc.assert(
      fc.property(record, fc.array(text, { maxLength: 3 }), (fields, allowList) => {
        const body = encodeTenant({ ...fields, allowList, users: [{ dbUser: "u" }] }) as VerifiedBytes;
        expect(serverNameOf(body)).toBe(decodeTenant(body).sniHostname);
      }),
    );
  });
});
