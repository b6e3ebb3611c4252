import type { TestProject } from 'vitest/node';

/** `npm test` does a part of each long loop, `npm run test:long` all of it. */
export type Much = 'part' | 'whole';

declare module 'vitest' {
  interface ProvidedContext {
    readonly much: Much;
  }
}

/** The loops of the files `*.long.test.ts`, and how often they go round. */
export const loops = {
  'kills of new-user': { part: 1, whole: 10 },
  'kills of a push': { part: 1, whole: 4 },
  'kills of a served run': { part: 0, whole: 6 },
  'kills of a waiting run': { part: 0, whole: 1 },
  'stories of approvals': { part: 12, whole: 60 },
  'kills of an enrolment': { part: 1, whole: Infinity },
  'kills of a rotation': { part: 2, whole: 12 },
  'random kills of a rotation': { part: 1, whole: 18 },
  'kills of an import': { part: 1, whole: Infinity },
  'kills of a close': { part: 2, whole: Infinity },
  'kills of a birth': { part: 1, whole: Infinity },
  'kills of a migration': { part: 1, whole: 4 },
  'random kills of a migration': { part: 1, whole: 20 },
  'secrets of a migration': { part: 110, whole: 300 },
  'enrolments on two machines': { part: 1, whole: 6 },
  'hostile requests': { part: 1_000, whole: 10_000 },
  'flow files': { part: 2_000, whole: 10_000 },
  'service.yaml files': { part: 100, whole: 500 },
  'edits of a trail': { part: 150, whole: 2_000 },
  references: { part: 1_000, whole: 5_000 },
  expressions: { part: 500, whole: 2_000 },
  'answers of an issuer': { part: 250, whole: 1_000 },
  'masked outputs': { part: 1_000, whole: 10_000 },
  'masked outputs on a terminal': { part: 3, whole: 150 },
  'megabytes of a program': { part: 64, whole: 1_024 },
} as const satisfies Record<string, Record<Much, number>>;

export type Loop = keyof typeof loops;

/** Tells how much this run does. */
export function setup(project: TestProject): void {
  const { much } = project.getProvidedContext();
  const amounts = Object.entries(loops).map(([loop, amount]) => `${amount[much]} ${loop}`);
  // oxlint-disable-next-line no-console -- part of the run's output
  console.log(`Long loops: ${amounts.join(', ').replaceAll('Infinity', 'all')}`);
}
