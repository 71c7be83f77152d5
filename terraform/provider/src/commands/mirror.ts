import { chmodSync, copyFileSync, mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

/** Where `required_providers` finds it: no registry has it, a filesystem mirror does. */
export const SOURCE = "terraform.local/sluice/sluice";

const PACKAGE = join(import.meta.dirname, "../..");

/** What `npm run build` makes: one file that runs wherever Node does. */
export const EXECUTABLE = join(PACKAGE, "dist/bundle/terraform-provider-sluice");

export function providerVersion(): string {
  const { version } = JSON.parse(readFileSync(join(PACKAGE, "package.json"), "utf8")) as {
    readonly version: string;
  };
  return version;
}

/** Terraform's name of this machine. The file is the same for all of them; the mirror wants one folder each. */
export function platformName(platform: string = process.platform, arch: string = process.arch): string {
  return `${platform}_${arch === "x64" ? "amd64" : arch}`;
}

/** @returns the file, where `terraform init` looks for it */
export function installInto(mirror: string): string {
  const version = providerVersion();
  const folder = join(mirror, SOURCE, version, platformName());
  const file = join(folder, `terraform-provider-sluice_v${version}`);
  mkdirSync(folder, { recursive: true });
  copyFileSync(EXECUTABLE, file);
  chmodSync(file, 0o755);
  return file;
}
