import { isIP } from "node:net";
import { LIMITS } from "@sluice/shared/tenant";

const LABEL = /^[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?$/;

/** What ends so is an address to whoever resolves it (127.1 is 127.0.0.1), and a mistake where it is none. */
const NUMBER_LABEL = /^(\d+|0x[\da-f]*)$/i;

export function isHostName(text: string): boolean {
  const labels = text.replace(/\.$/, "").split(".");
  return (
    text.length <= LIMITS.hostBytes &&
    labels.every((label) => LABEL.test(label)) &&
    !NUMBER_LABEL.test(labels.at(-1) ?? "")
  );
}

/** A name or an address. */
export function isHost(text: string): boolean {
  return isIP(text) !== 0 || isHostName(text);
}
