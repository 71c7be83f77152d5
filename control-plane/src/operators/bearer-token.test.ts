import { createSecretKey } from "node:crypto";
import { exportJWK, generateKeyPair, SignJWT } from "jose";
import { describe, expect, it } from "vitest";
import { type Authenticate, type BearerTokenRules, bearerTokens } from "./bearer-token.js";
import { publicKeysOf } from "./public-keys.js";

const SECRET = "a secret of the REST API, long enough";
const BASE64URL = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
/** The order of the group of P-256 (FIPS 186-5). */
const P256_ORDER = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n;

const RULES: BearerTokenRules = {
  secret: SECRET,
  secretName: "API_JWT_SECRET",
  requireExp: true,
  claims: {},
  blocklist: [],
};

const answer = (authenticate: Authenticate, token: string): Promise<string> =>
  authenticate({ headers: { authorization: `Bearer ${token}` } }).then(
    ({ subject }) => `taken: ${subject}`,
    (error: unknown) => String(error),
  );

/** Decode to the same bytes. */
function spellings(token: string): readonly string[] {
  const last = BASE64URL.indexOf(token.at(-1) ?? "");
  const others = [1, 2, 3].map((bits) => token.slice(0, -1) + BASE64URL[last ^ bits]);
  const signature = (one: string) => Buffer.from(one.split(".")[2] ?? "", "base64url").toString("hex");
  return [...others.filter((one) => signature(one) === signature(token)), `${token}=`];
}

/** (r, n - s) is as good a signature as (r, s), and nobody needs a key to make it. */
function otherSignature(token: string): string {
  const [header, claims, signature = ""] = token.split(".");
  const bytes = Buffer.from(signature, "base64url");
  const s = P256_ORDER - BigInt(`0x${bytes.subarray(32).toString("hex")}`);
  bytes.write(s.toString(16).padStart(64, "0"), 32, "hex");
  return [header, claims, bytes.toString("base64url")].join(".");
}

async function signedBy(alg: "EdDSA" | "ES256") {
  const { publicKey, privateKey } = await generateKeyPair(alg, { extractable: true });
  const jwks = JSON.stringify({ keys: [{ ...(await exportJWK(publicKey)), kid: "k", alg }] });
  const token = await sign({ alg, kid: "k" }, privateKey);
  return { token, publicKeys: publicKeysOf(jwks) };
}

function sign(header: { alg: string; kid?: string }, key: Parameters<SignJWT["sign"]>[0]): Promise<string> {
  return new SignJWT({ sub: "ann" }).setProtectedHeader(header).setExpirationTime("1h").sign(key);
}

describe("a token of an operator", () => {
  it("has one spelling: with bits in it that no decoder looks at, it is refused", async () => {
    const { token, publicKeys } = await signedBy("EdDSA");
    const bySecret = await sign({ alg: "HS256" }, createSecretKey(Buffer.from(SECRET)));
    const authenticate = bearerTokens({ ...RULES, publicKeys });
    for (const good of [token, bySecret]) {
      expect(await answer(authenticate, good)).toBe("taken: ann");
      expect(spellings(good).length).toBeGreaterThan(1);
      for (const other of spellings(good))
        expect(await answer(authenticate, other)).toMatch(/not spelled as it was made/);
    }
  });

  it("that is blocked is so in every spelling, also where another one of it was put on the list", async () => {
    const { token, publicKeys } = await signedBy("EdDSA");
    for (const listed of [token, ...spellings(token)]) {
      const authenticate = bearerTokens({ ...RULES, publicKeys, blocklist: [listed] });
      for (const other of [token, ...spellings(token)])
        expect(await answer(authenticate, other)).toMatch(/on the blocklist/);
    }
  });

  it("that is blocked is so by the other signature, too, which ECDSA lets everybody make", async () => {
    const { token, publicKeys } = await signedBy("ES256");
    const twin = otherSignature(token);
    expect(await answer(bearerTokens({ ...RULES, publicKeys }), twin)).toBe("taken: ann");
    const authenticate = bearerTokens({ ...RULES, publicKeys, blocklist: [token] });
    expect(await answer(authenticate, token)).toMatch(/on the blocklist/);
    expect(await answer(authenticate, twin)).toMatch(/on the blocklist/);
  });
});
