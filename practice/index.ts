// The practice fleet: hosts that need nothing but this process, for the demo, for practice and for
// tests.

export { type LabInfo, type LabUpOptions, labDown, labList, labUp, serveLab } from './daemon.ts';
export { demoHosts } from './demo-hosts.ts';
export { createFleet, type Fleet, type FleetHost, type FleetOptions } from './fleet.ts';
export type { FaultName, Faults, Flavour, HostSpec } from './spec.ts';
