import type { OwnCertificate } from "./certificate.js";

/** What Terraform puts in the environment of a plugin, so that nobody starts one by accident. */
export const MAGIC_COOKIE_NAME = "TF_PLUGIN_MAGIC_COOKIE";
const MAGIC_COOKIE = "d602bf8f470bc67ca7faa0386276bbdd4330efaf76d1a219cb4d6991ca9872b2";

/** Of go-plugin's handshake itself, and of Terraform's plugin protocol. */
const CORE_VERSION = 1;
export const PROTOCOL_VERSION = 6;

export class StartedByHand extends Error {
  constructor() {
    super(
      "This program is a provider for Terraform, and Terraform starts it. Name it in required_providers and run " +
        "terraform init; see terraform/README.md.",
    );
    this.name = "StartedByHand";
  }
}

export class ProtocolNotSpoken extends Error {
  constructor(offered: string) {
    super(
      `This Terraform speaks the plugin protocols ${offered}, and this provider speaks ${PROTOCOL_VERSION}.`,
    );
    this.name = "ProtocolNotSpoken";
  }
}

/** @throws StartedByHand, ProtocolNotSpoken */
export function checkStart(magicCookie: string | undefined, versions: string | undefined): void {
  if (magicCookie !== MAGIC_COOKIE) throw new StartedByHand();
  if (versions !== undefined && !versions.split(",").includes(String(PROTOCOL_VERSION))) {
    throw new ProtocolNotSpoken(versions);
  }
}

/** The one line on stdout: where we listen, and under which certificate. go-plugin reads base64 without padding. */
export function handshakeLine(socket: string, certificate: OwnCertificate | undefined): string {
  const parts = [CORE_VERSION, PROTOCOL_VERSION, "unix", socket, "grpc"];
  if (certificate !== undefined) parts.push(certificate.der.toString("base64").replaceAll("=", ""));
  return `${parts.join("|")}\n`;
}
