// The kube room: the Cluster port on a real API server.
export { type ClusterOptions, createCluster, type KubeCluster } from './cluster.ts';
export { inventoryFromNodes } from './inventory.ts';
export { type KubeconfigFile, kubeconfigPaths, readKubeconfigs } from './kubeconfig.ts';
export { ownerAnnotation } from './ownership.ts';
export { createPodWitness } from './pod-death.ts';
export type { Role } from './rights.ts';
export type { JudgeHolder } from './stale-mark.ts';
