/**
 * Whether several processes can listen on one port, with connections spread over them by the kernel: `reusePort` of
 * node:net, since 22.12 and 23.1. Other systems than Linux share a port and do not spread.
 */
export function canSharePorts(version = process.versions.node, platform = process.platform): boolean {
  const [major = 0, minor = 0] = version.split(".").map(Number);
  if (platform !== "linux") return false;
  return major > 23 || (major === 23 && minor >= 1) || (major === 22 && minor >= 12);
}
