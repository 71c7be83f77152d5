import { createPrivateKey } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { SignJWT } from "jose";
import { runCommand } from "./command-line.js";

const USAGE = `usage: mint-token --stream-key FILE --group NAME --region NAME --days N [--out FILE]
Makes the token of a group of data planes. Without --out it is printed.`;

runCommand(
  USAGE,
  {
    "stream-key": { type: "string" },
    group: { type: "string" },
    region: { type: "string" },
    days: { type: "string" },
    out: { type: "string" },
  },
  async (line) => {
    const token = await new SignJWT({ group: line.one("group"), region: line.one("region") })
      .setProtectedHeader({ alg: "EdDSA", typ: "JWT" })
      .setAudience("sluice-stream")
      .setIssuedAt()
      .setExpirationTime(`${line.count("days")}d`)
      .sign(createPrivateKey(readFileSync(line.one("stream-key"))));
    const out = line.optional("out");
    if (out === undefined) console.log(token);
    else writeFileSync(out, `${token}\n`, { mode: 0o600 });
  },
);
