import { createHash, generateKeyPairSync, randomBytes, sign } from "node:crypto";
import {
  bits,
  context,
  objectIdentifier,
  octets,
  sequence,
  set,
  time,
  truth,
  unsigned,
  utf8,
} from "./der.js";

export interface OwnCertificate {
  /** PEM, PKCS #8. */
  readonly key: string;
  /** PEM. */
  readonly certificate: string;
  readonly der: Buffer;
}

const HOUR_MS = 3_600_000;
const VALID_HOURS = 24 * 30;

/** For `localhost`, of a key that lives as long as this process: Terraform takes it from our first line. */
export function makeCertificate(now = new Date()): OwnCertificate {
  const { publicKey, privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const spki = publicKey.export({ type: "spki", format: "der" });
  const ecdsaWithSha256 = sequence(objectIdentifier("1.2.840.10045.4.3.2"));
  const name = sequence(set(sequence(objectIdentifier("2.5.4.3"), utf8("localhost"))));
  const serial = randomBytes(16);
  serial[0] = (serial[0] ?? 0) & 0x7f || 1;
  const body = sequence(
    context(0, unsigned(Buffer.of(2))),
    unsigned(serial),
    ecdsaWithSha256,
    name,
    sequence(time(new Date(now.getTime() - HOUR_MS)), time(new Date(now.getTime() + VALID_HOURS * HOUR_MS))),
    name,
    spki,
    context(3, sequence(...extensions(spki))),
  );
  const der = sequence(body, ecdsaWithSha256, bits(sign("sha256", body, privateKey)));
  return {
    key: privateKey.export({ type: "pkcs8", format: "pem" }).toString(),
    certificate: pem(der),
    der,
  };
}

/** RFC 5280 section 4.2. It is its own CA: Terraform puts it in the pool of roots. */
function extensions(spki: Buffer): Buffer[] {
  const extension = (id: string, content: Buffer, critical = false) =>
    sequence(objectIdentifier(id), ...(critical ? [truth()] : []), octets(content));
  const serverAndClient = sequence(
    objectIdentifier("1.3.6.1.5.5.7.3.1"),
    objectIdentifier("1.3.6.1.5.5.7.3.2"),
  );
  // digitalSignature and keyCertSign.
  const usage = bits(Buffer.of(0b1000_0100), 2);
  const localhost = sequence(context(2, Buffer.from("localhost"), false));
  return [
    extension("2.5.29.15", usage, true),
    extension("2.5.29.37", serverAndClient),
    extension("2.5.29.19", sequence(truth()), true),
    extension("2.5.29.14", octets(createHash("sha1").update(spki).digest())),
    extension("2.5.29.17", localhost),
  ];
}

function pem(der: Buffer): string {
  const lines = der.toString("base64").match(/.{1,64}/g) ?? [];
  return `-----BEGIN CERTIFICATE-----\n${lines.join("\n")}\n-----END CERTIFICATE-----\n`;
}
