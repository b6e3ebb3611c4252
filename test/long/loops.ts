/** The loops of the files `*.long.test.ts`, and how often they go round. */
export const loops = {
  'kills of new-user': 10,
  'kills of a push': 4,
  'kills of a refusal': Infinity,
  'kills of a served run': 6,
  'kills of a waiting run': 1,
  'stories of approvals': 60,
  'kills of an enrolment': Infinity,
  'kills of a rotation': 12,
  'random kills of a rotation': 38,
  'kills of an import': Infinity,
  'kills of a close': Infinity,
  'kills of a birth': Infinity,
  'kills of a migration': 6,
  'random kills of a migration': 8,
  'secrets of a migration': 300,
  'enrolments on two machines': 6,
  'hostile requests': 10_000,
  'flow files': 10_000,
  'service.yaml files': 500,
  'edits of a trail': 2_000,
  references: 5_000,
  expressions: 2_000,
  'answers of an issuer': 1_000,
  'masked outputs': 10_000,
  'masked outputs on a terminal': 150,
  'megabytes of a program': 1_024,
} as const satisfies Record<string, number>;

export type Loop = keyof typeof loops;

/** Tells how much this run does. */
export function setup(): void {
  const amounts = Object.entries(loops).map(([loop, amount]) => `${amount} ${loop}`);
  // oxlint-disable-next-line no-console -- part of the run's output
  console.log(`Long loops: ${amounts.join(', ').replaceAll('Infinity', 'all')}`);
}
