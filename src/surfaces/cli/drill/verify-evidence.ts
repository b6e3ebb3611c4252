import { readFileSync } from 'node:fs';
import { checkEvidence, type EvidenceProblem, signedEvidenceIn } from '../../../foundation/drill-evidence.ts';
import { ed25519In } from '../../../foundation/ed25519.ts';
import { errorCodes, FlowError, oneLine } from '../../../foundation/errors.ts';
import { commonArguments } from '../arguments.ts';
import { commandTable } from '../command-table.ts';
import type { Invocation } from '../invocation.ts';

const words: Readonly<Record<EvidenceProblem, string>> = {
  form: 'it is not written as evidence is',
  'unknown-key': 'it was signed with another key',
  signature: 'it is not what was signed',
};

/**
 * `flows drill verify FILE --key KEY`: whether evidence is as it was signed. It needs the file and the key: no vault, no
 * folder. @returns 73 where some is not
 */
export function verifyEvidence({ argv, terminal }: Invocation): number {
  const { positionals, values } = commonArguments(argv, commandTable.drill.verbs.verify.options, 3);
  const [, , file] = positionals;
  const { key } = values;
  if (file === undefined) throw new FlowError('usage', 'no file is named', { hint: 'write flows drill verify FILE' });
  if (typeof key !== 'string')
    throw new FlowError('usage', 'no key is given, and the one in the evidence proves nothing', {
      hint: 'add --key: the line that flows drill key printed, from whom you trust',
    });
  if (ed25519In(key) === undefined)
    throw new FlowError('usage', 'this is no public key', {
      hint: 'give the 43 characters that flows drill key printed',
    });
  const lines = textOf(file).split('\n');
  const results = lines.flatMap((line, index) => {
    const signed = signedEvidenceIn(line);
    return signed === undefined ? [] : [{ line: index + 1, ...checkEvidence(signed, [key]) }];
  });
  if (results.length === 0)
    throw new FlowError('invalid', 'there is no evidence in it', {
      hint: 'give what flows drill --json printed, or flows audit --action drill.finished --json',
      place: { subject: file },
    });
  if (values['json'] === true) terminal.out(`${JSON.stringify(results)}\n`);
  else
    for (const result of results) {
      if ('problem' in result)
        terminal.out(`${terminal.paint('red', 'not')}  line ${result.line}: ${words[result.problem]}\n`);
      else {
        const { drill, held, began, environment, accounts } = result.evidence;
        const what = `${drill} in ${environment} at ${began}: ${accounts.map(({ username }) => username).join(', ')}`;
        terminal.out(
          `${terminal.paint('green', 'ok')}   line ${result.line}: ${oneLine(what)}: ${held ? 'held' : 'broken'}\n`,
        );
      }
    }
  return results.some((result) => 'problem' in result) ? errorCodes.conflict.exit : 0;
}

function textOf(file: string): string {
  try {
    return readFileSync(file === '-' ? 0 : file, 'utf8');
  } catch (cause) {
    throw new FlowError('not-found', 'the file cannot be read', { cause, place: { subject: file } });
  }
}
