import { existsSync } from "node:fs";
import { delimiter, join } from "node:path";
import { CHECKOUT } from "./development-run.js";

/** In PATH, or where `make deploy-tools` puts it. */
function found(tool: string): string | undefined {
  const folders = [join(CHECKOUT, ".cache/tools"), ...(process.env.PATH ?? "").split(delimiter)];
  return folders.map((folder) => join(folder, tool)).find((path) => existsSync(path));
}

export const CHART = join(CHECKOUT, "infra/helm/sluice");
/** A helm that was built by `go install` knows no version of Kubernetes. */
export const KUBERNETES = ["--kube-version", "1.30.0"];
export const helm = found("helm");
/** Reads manifests and says of each whether Kubernetes knows all its fields. */
export const strictManifests = found("strict-manifests");
