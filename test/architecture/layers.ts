/** A folder imports only folders that stand above it. The table of ARCHITECTURE.md. */
export const LAYERS: Readonly<Record<string, readonly string[]>> = {
  "shared/src": [
    "errors",
    "time",
    "config",
    "observability",
    "tracing",
    "lifecycle",
    "tenant",
    "secrets",
    "bundle",
    "stream",
    "postgres",
  ],
  "control-plane/src": [
    "operators",
    "audit",
    "tenants",
    "clusters",
    "publishing",
    "fleet",
    "persistence",
    "stream",
    "http",
    "commands",
  ],
  "data-plane/src": [
    "metrics",
    "wire",
    "transport",
    "auth",
    "tenants",
    "verifiers",
    "subscription",
    "server",
    "pool",
    "cancel",
    "relay",
    "session",
    "listener",
    "fleet",
    "console",
    "operations",
  ],
  "terraform/provider/src": [
    "protocol",
    "framework",
    "client",
    "resources",
    "data-sources",
    "functions",
    "ephemeral",
    "documentation",
    "commands",
  ],
};

/** These join the folders, so they see all of them. */
export const JOINING_FILES: ReadonlySet<string> = new Set(["main.ts", "compose.ts", "config.ts"]);

/** A command is an entry point, so it may read the configuration, and join the folders, as main.ts does. */
export const ENTRY_FOLDERS: ReadonlySet<string> = new Set([
  "control-plane/src/commands",
  "terraform/provider/src/commands",
]);

/** Which packages may stand in the imports of which folders only. */
export const KEPT_IN: readonly { readonly packageName: string; readonly folders: readonly string[] }[] = [
  { packageName: "typeorm", folders: ["control-plane/src/persistence"] },
  { packageName: "express", folders: ["control-plane/src/http"] },
  ...["sdk-trace-base", "exporter-trace-otlp-proto", "context-async-hooks", "resources", "core"].map(
    (name) => ({
      packageName: `@opentelemetry/${name}`,
      folders: ["shared/src/tracing"],
    }),
  ),
  {
    packageName: "@connectrpc/connect-node",
    folders: ["control-plane/src/stream", "data-plane/src/subscription"],
  },
];
