import { composeProvider } from "./compose.js";
import { readConfig } from "./config.js";
import { providerMethods } from "./framework/index.js";
import { log, servePlugin } from "./protocol/index.js";

const config = readConfig(process.env);
const provider = composeProvider(config, (over) => log("debug", "a request", { ...over }));

servePlugin(providerMethods(provider), {
  magicCookie: config.TF_PLUGIN_MAGIC_COOKIE,
  protocolVersions: config.PLUGIN_PROTOCOL_VERSIONS,
  clientCertificate: config.PLUGIN_CLIENT_CERT,
  socketFolder: config.PLUGIN_UNIX_SOCKET_DIR,
}).catch((error: unknown) => {
  log("error", "the provider could not start", { error: String(error) });
  process.exit(1);
});
