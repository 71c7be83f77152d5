import { installInto, providerVersion, SOURCE } from "./mirror.js";

const [mirror] = process.argv.slice(2);
if (mirror === undefined || mirror === "--help") {
  process.stderr.write("usage: node install.js MIRROR\nPuts the provider where terraform init finds it.\n");
  process.exitCode = mirror === undefined ? 2 : 0;
} else {
  const file = installInto(mirror);
  process.stdout.write(
    `${file}\n\nrequired_providers { sluice = { source = "${SOURCE}", version = "${providerVersion()}" } }\n`,
  );
}
