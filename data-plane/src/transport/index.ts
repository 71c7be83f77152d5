export { AddressRanges } from "./address-ranges.js";
export { CertificateFiles, type CertificatePaths } from "./certificate-files.js";
export { type ClientAddress, clientAddress } from "./client-address.js";
export {
  type ClientCertificate,
  type ClientCertificateRule,
  ClientTls,
  HandshakeFailed,
  type SecuredClient,
} from "./client-tls.js";
export { type DialOptions, dial, type ServerSocket } from "./dial.js";
export { DirectSocket, type SocketReceiver } from "./direct-socket.js";
export { endPointBinding } from "./end-point-binding.js";
export { HostNames, lookupsAtOnce, type NameLookups } from "./host-names.js";
export { mayCarryPasswords } from "./password-channel.js";
export { BadProxyHeader, type ProxyHeader, readProxyHeader } from "./proxy-header.js";
export { familyOf, SocketTo } from "./socket-to.js";
export { PEER_ALPN, type TlsFloor } from "./tls-rules.js";
export { sameUpstream, type Upstream } from "./upstream.js";
export { UpstreamUnreachable } from "./upstream-unreachable.js";
