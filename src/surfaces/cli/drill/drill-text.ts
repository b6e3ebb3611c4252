import type { Proof } from '../../../app/drill.ts';
import type { Terminal } from '../terminal.ts';

/** What a drill found, in a few lines. */
export function drillText(proof: Proof, paint: Terminal['paint']): string {
  const { drill, held, took } = proof.found;
  const verdict = held ? paint('green', 'held') : paint('red', 'broken');
  const lines = proofLines(proof).map((line) => `        ${line}\n`);
  return `${verdict}  ${drill}  ${(took / 1000).toFixed(1)} s\n${lines.join('')}`;
}

/** What was proven, what is broken, who was told, and who signs that. */
export function proofLines({ found, signed }: Proof): readonly string[] {
  const { broken, accounts, alerts, began, by } = found;
  const told = alerts.filter(({ delivered }) => delivered).map(({ channel }) => channel);
  return [
    ...accounts.flatMap(({ username, address, proven }) =>
      proven === null ? [] : `${username} signed in at ${address}`,
    ),
    ...broken.map(({ step, why }) => `${step === null ? '' : `step "${step}": `}${why}`),
    `told: ${told.length === 0 ? 'nobody' : told.join(', ')}`,
    `evidence: ${began} by ${by}, signed by ${signed.key}`,
  ];
}
