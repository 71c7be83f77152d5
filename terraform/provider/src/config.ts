import { tmpdir } from "node:os";
import { readEnvironment, text } from "@sluice/shared/config";

/** What Terraform gives to a provider that it starts, and what stands in where the provider block is silent. */
export function readConfig(environment: NodeJS.ProcessEnv) {
  return readEnvironment(environment, {
    SLUICE_ENDPOINT: text(),
    SLUICE_TOKEN: text(),
    SLUICE_CA_CERTIFICATE_PATH: text(),
    SLUICE_POOLER_HOST: text(),
    TF_PLUGIN_MAGIC_COOKIE: text(),
    PLUGIN_PROTOCOL_VERSIONS: text(),
    PLUGIN_CLIENT_CERT: text(),
    PLUGIN_UNIX_SOCKET_DIR: text(tmpdir()),
  });
}

export type Config = ReturnType<typeof readConfig>;
