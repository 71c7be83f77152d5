import { messageOf } from "@sluice/shared/errors";
import { TokenCheckFailed } from "./token-check-failed.js";

const TIMEOUT_MS = 5000;
const MOST_ANSWER_BYTES = 64 * 1024;

/**
 * Asks a tenant's `jit_api_url` whether a token lets a client in as this role.
 * @returns false for a token that is refused, or that is good for another role
 * @throws TokenCheckFailed when the provider cannot tell
 */
export async function checkToken(url: string, user: string, token: string, ip: string): Promise<boolean> {
  let status: number;
  let text: string;
  try {
    const answer = await fetch(url, {
      method: "POST",
      headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
      body: JSON.stringify({ rhost: ip, role: user }),
      // The token goes to this address and to no other.
      redirect: "error",
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    status = answer.status;
    text = status === 200 ? await bounded(answer) : "";
    if (status !== 200) await answer.body?.cancel();
  } catch (error) {
    throw new TokenCheckFailed(user, messageOf(error), error);
  }
  if (status === 401 || status === 403) return false;
  if (status !== 200) throw new TokenCheckFailed(user, `status ${status}`);
  return roleIn(text) === user;
}

async function bounded(answer: Response): Promise<string> {
  let length = 0;
  const parts: Uint8Array[] = [];
  for await (const part of answer.body ?? []) {
    length += part.length;
    if (length > MOST_ANSWER_BYTES) throw new Error("the answer is too long");
    parts.push(part);
  }
  return Buffer.concat(parts).toString("utf8");
}

/** Of `{"user_role": {"role": ...}}`. */
function roleIn(text: string): unknown {
  try {
    const answer: unknown = JSON.parse(text);
    return field(field(answer, "user_role"), "role");
  } catch {
    return undefined;
  }
}

function field(value: unknown, name: string): unknown {
  return typeof value === "object" && value !== null
    ? Object.getOwnPropertyDescriptor(value, name)?.value
    : undefined;
}
