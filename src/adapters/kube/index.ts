// The kube room: the Cluster port on a real API server.

export { type KubeconfigFile, kubeconfigPaths, readKubeconfigs } from './auth/kubeconfig.ts';
export type { Role } from './client/rights.ts';
export { type ClusterOptions, createCluster, type KubeCluster } from './cluster.ts';
export { inventoryFromNodes } from './inventory.ts';
export { ownerAnnotation } from './node/ownership.ts';
export type { JudgeHolder } from './node/stale-mark.ts';
export { createPodWitness } from './pod-death.ts';
