// The records of the contract, as the API gives them. The Rust types in crates/model are the source.

export const SEVERITIES = ['critical', 'high', 'medium', 'low', 'info'] as const;
export type Severity = (typeof SEVERITIES)[number];

export const ATTACKS = [
  'outage',
  'physical',
  'message-corruption',
  'false-node',
  'passive-gathering',
  'routing',
  'eavesdropping',
  'traffic-analysis',
  'denial-of-service',
  'node-malfunction',
  'threat-intel',
  'policy-violation',
  'anomaly',
] as const;
export type Attack = (typeof ATTACKS)[number];

export const EXPOSURE_KINDS = [
  'cleartext-phi',
  'cleartext-credentials',
  'default-credentials',
  'hard-coded-credentials',
  'unauthenticated-control',
  'unencrypted-protocol',
  'weak-crypto',
  'legacy-os',
  'remote-access',
  'internet-exposed',
  'flat-network',
  'metadata-leak',
] as const;
export type ExposureKind = (typeof EXPOSURE_KINDS)[number];

export const CATEGORIES = [
  'patient-monitor',
  'infusion-pump',
  'insulin-pump',
  'glucose-meter',
  'ventilator',
  'anesthesia',
  'defibrillator',
  'pacemaker-programmer',
  'cardiac-implant-monitor',
  'ecg',
  'blood-pressure-monitor',
  'pulse-oximeter',
  'wearable',
  'imaging-modality',
  'pacs',
  'radiology-workstation',
  'lab-analyzer',
  'medication-cabinet',
  'telemetry-gateway',
  'integration-engine',
  'ehr',
  'nurse-call',
  'medical-other',
  'server',
  'workstation',
  'printer',
  'phone',
  'camera',
  'building-automation',
  'network',
  'unknown',
] as const;
export type Category = (typeof CATEGORIES)[number];

export const CRITICALITIES = ['life-sustaining', 'therapy', 'diagnostic', 'monitoring', 'support', 'it'] as const;
export type Criticality = (typeof CRITICALITIES)[number];

/** RFC 3339 UTC. */
export type Time = string;

export interface Page<T> {
  items: T[];
  total: number;
  /** Offset of the next page. */
  next: number | null;
}

export type DeviceField =
  | 'mac'
  | 'ip'
  | 'hostname'
  | 'vendor'
  | 'model'
  | 'category'
  | 'os'
  | 'firmware'
  | 'serial'
  | 'role'
  | 'zone'
  | 'criticality'
  | 'location';

export interface Claim {
  field: DeviceField;
  value: string;
  protocol: string;
  source: string;
  seen: string | null;
  rule: string | null;
  confidence: number;
  file: string;
  packet: number;
  time: Time;
}

export const LIFECYCLE_QUESTIONS = ['support-end', 'security-updates', 'update-lateness', 'recalls', 'bill-of-materials'] as const;
export type LifecycleQuestion = (typeof LIFECYCLE_QUESTIONS)[number];

export interface Lifecycle {
  day: string;
  answers: { question: LifecycleQuestion; state: 'good' | 'bad' | 'doubtful' | 'unknown'; answer: string; sources: string[] }[];
  support_end: string | null;
  late_days: number | null;
  recalls: {
    number: string;
    class: number | null;
    firm: string;
    reason: string;
    begun: string;
    ended: string | null;
    match: Vulnerability['match'];
  }[];
  classes: { code: string; name: string; class: number | null; life_sustaining: boolean }[];
  disclosed: { property: string; question: string; said: 'yes' | 'no' | 'not-applicable' | 'see-note'; note: string | null }[];
}

export interface Device {
  id: string;
  name: string;
  macs: string[];
  ips: string[];
  hostnames: string[];
  vendor: string | null;
  model: string | null;
  category: Category;
  os: string | null;
  firmware: string | null;
  serial: string | null;
  protocols: string[];
  role: string[];
  zone: string | null;
  criticality: Criticality | null;
  first_seen: Time;
  last_seen: Time;
  confidence: number;
  evidence: Claim[];
  /** Absent where it was not computed yet. */
  lifecycle?: Lifecycle;
}

export interface DeviceRow extends Device {
  evidence_count: number;
  findings: number;
  worst: Severity | null;
  exposures: number;
}

export interface DeviceReference {
  id: string | null;
  ip: string | null;
  mac: string | null;
  name: string | null;
}

export interface Evidence {
  file: string;
  packet: number;
  time: Time;
  community_id: string | null;
  protocol: string;
  field: string;
  value: string;
}

export interface Finding {
  id: string;
  time: Time;
  started: Time;
  last_seen: Time;
  attack: Attack;
  techniques: string[];
  detector: string;
  severity: Severity;
  confidence: number;
  device: DeviceReference | null;
  source: DeviceReference | null;
  summary: string;
  evidence: Evidence[];
  observations: number;
  updates: number;
  silent_if: string;
  clinical: string;
  playbook: string[];
}

export interface FindingRow extends Finding {
  evidence_count: number;
}

export interface Exposure {
  id: string;
  device: DeviceReference | null;
  peer: DeviceReference | null;
  kind: ExposureKind;
  severity: Severity;
  summary: string;
  patient_fields: string[];
  first_seen: Time;
  last_seen: Time;
  observations: number;
  evidence: Evidence[];
  evidence_count: number;
  remedy: string;
}

export const PRIORITIES = ['act', 'attend', 'track*', 'track'] as const;
export type Priority = (typeof PRIORITIES)[number];

export type PatchStatus = 'open' | 'planned' | 'mitigated' | 'patched';

export type PlanEvent = { time: Time; by: string; device: string; cve: string } & (
  | { action: 'assign'; owner: string; due: string }
  | { action: 'approve'; reference: string }
  | { action: 'except'; reason: string; until: string }
  | { action: 'status'; status: PatchStatus }
);

export interface Plan {
  status: PatchStatus;
  owner: string | null;
  due: string | null;
  overdue: boolean;
  approval: string | null;
  exception: { approver: string; reason: string; until: string; expired: boolean } | null;
  next: string;
  history: PlanEvent[];
}

export interface Vulnerability {
  device: string;
  device_name: string;
  cve: string;
  advisory: string;
  match: { kind: 'exact' | 'range' | 'product' | 'possible'; reason: string };
  cvss: { version: string; vector: string; score: number } | null;
  kev: boolean;
  priority: Priority;
  rank: number;
  basis: { revision: string; released: Time | null };
  fix: { kind: 'update' | 'mitigation' | 'compensating-control'; text: string; needs_vendor_approval: boolean };
  why: string[];
  plan?: Plan;
}

export interface PatchWindow {
  /** Monday is 0, in UTC. */
  weekday: number;
  hour: number;
  hours: number;
  conversations: number;
}

export const STAFF_ROLES = ['nurse', 'htm', 'network', 'security', 'procurement'] as const;
export type StaffRole = (typeof STAFF_ROLES)[number];

export interface TrainingList {
  role: StaffRole;
  time: Time;
  pages: { subject: string; title: string; means: string; do: string[]; stop: string[]; devices: number; zones: string[]; severity: Severity }[];
}

export interface Flow {
  community_id: string | null;
  src: string;
  dst: string;
  ports: [number, number];
  protocol: number;
  application: string | null;
  vlan: number | null;
  start: Time;
  end: Time;
  packets: [number, number];
  bytes: [number, number];
  src_device: string | null;
  dst_device: string | null;
  src_name: string | null;
  dst_name: string | null;
  encrypted: boolean | null;
  tcp: string | null;
  server_name: string | null;
  fingerprints: string[];
}

export interface SensorStatus {
  state: 'at-rest' | 'live' | 'replay' | 'simulation' | 'failed';
  sources: string[];
  started: Time | null;
  undecoded: Record<string, number>;
  over_limit: Record<string, number>;
  problem: string | null;
}

export interface Overview {
  version: string;
  sensor: SensorStatus;
  devices: Partial<Record<Category, number>>;
  zones: Record<string, number>;
  criticalities: Partial<Record<Criticality, number>>;
  without_vendor: number;
  findings: Partial<Record<Severity, number>>;
  attacks: Partial<Record<Attack, number>>;
  exposures: Partial<Record<ExposureKind, number>>;
  vulnerabilities: number;
  packets: number;
  bytes: number;
  dropped: number;
  flows: number;
  oldest: Time | null;
  newest: Time | null;
  sequence: number;
  device_total: number;
  device_medical: number;
  attention: FindingRow[];
}

export interface MapNode {
  id: string;
  name: string;
  category: Category;
  zone: string | null;
  /** Zone of the segmentation that it belongs in. */
  segment: string | null;
  criticality: Criticality | null;
  findings: number;
  worst: Severity | null;
}

export interface Volume {
  flows: number;
  packets: [number, number];
  bytes: [number, number];
  encrypted_flows: number;
  cleartext_flows: number;
}

export interface MapLink extends Volume {
  source: string;
  target: string;
  applications: { application: string | null; transport: number; port: number; flows: number }[];
  first_hour: Time;
  last_hour: Time;
}

export interface NetworkMap {
  nodes: MapNode[];
  links: MapLink[];
  total: Volume;
  link_total: number;
  truncated: boolean;
  first_hour: Time | null;
  last_hour: Time | null;
}

export const STANDINGS = ['here-only', 'documented', 'manual', 'common'] as const;
export type Standing = (typeof STANDINGS)[number];

export interface PortRange {
  first: number;
  last: number;
}

export interface SegmentRule {
  from: string;
  to: string;
  transport: number;
  ports: PortRange[];
  application?: string;
  standing: Standing;
  care_essential: boolean;
  evidence: {
    flows: number;
    pairs: number;
    hours: number;
    last_used?: Time;
    rarity: number;
    examples: string[];
    source?: string;
  };
}

export interface PathStep {
  to: string;
  transport: number | null;
  ports: PortRange[];
}

export interface Segmentation {
  digest: string;
  zones: {
    name: string;
    within: 'accept' | 'deny';
    reason: string;
    members: number;
    life_sustaining: number;
    groups: Record<string, { category: Category; members: number }>;
  }[];
  rules: SegmentRule[];
  members: number;
  protected: number;
  conversations: number;
  truncated: boolean;
  clinical_blocked: number;
  jewels: { group: string; members: number; reason: string }[];
  paths: { from: string; to: string; steps: PathStep[] | null }[];
  flat_networks: { network: string; zones: Record<string, number>; life_sustaining: number }[];
  blast_radius: Record<string, [number, number]>;
}

export interface Tally {
  passed: number;
  blocked: number;
}

export interface Simulation {
  conversations: Tally;
  ungoverned: number;
  clinical_blocked: number;
  devices: Record<string, Tally>;
  functions: Record<string, Tally>;
  wards: Record<string, Tally>;
  hours: Record<string, Tally>;
  blocked: { from: string; to: string; transport: number; port: number; application: string | null; flows: number; clinical: boolean; example: string }[];
}

export interface Enforcement {
  reachable: boolean;
  leased: boolean;
  policy: { name: string; generation: number; rules: number; members: number; protected: number } | null;
  confirm_within_s: number | null;
  quarantines: { device: string; step: string; reason: string; until: Time }[];
  acts: { time: Time; act: string; subject: string; by: string; detail: string }[];
  log_problem: string | null;
}
