export type { Cluster, ClusterMember, StoredCluster, StoredMember } from "./cluster.js";
export { ClusterUnknown } from "./cluster-failure.js";
export type { ClusterInput, MemberInput } from "./cluster-input.js";
export { type ClusterPage, ClusterService } from "./cluster-service.js";
export type { ClusterChange, ClusterStore } from "./cluster-store.js";
export { publicFields as publicClusterFields } from "./public-fields.js";
