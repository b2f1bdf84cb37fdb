// The kube room: the Cluster port on a real API server, and the pure decisions about nodes that plan and rollout ask for.
export { type ExpectedNode, newCrashes, type PodState, type Readiness, readyAfterReboot } from './after-reboot.ts';
export {
  isControlPlane,
  isLastReady,
  poolOf,
  quorumRisk,
  type SystemPod,
  type Unavailable,
  unavailableNodes,
  unavailableWhy,
  zoneOf,
} from './capacity.ts';
export { type ClusterOptions, createCluster, type KubeCluster } from './cluster.ts';
export { inventoryFromNodes } from './inventory.ts';
export { type KubeconfigFile, kubeconfigPaths } from './kubeconfig.ts';
export { type HostIdentity, matchNode } from './match-node.ts';
export { ownerAnnotation } from './ownership.ts';
export { type Role, rights } from './rights.ts';
