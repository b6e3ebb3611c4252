import type { App } from '../../../app/open-app.ts';
import { loadBrokerFiles } from '../../../folder/policy-and-registry.ts';
import type { RegistrySecret } from '../../../folder/registry.ts';
import { durationText } from '../../../foundation/duration.ts';
import { FlowError } from '../../../foundation/errors.ts';
import { safeLine } from '../../../foundation/safe-line.ts';
import { rotatedField } from '../../../adapters/vaults/rotated-field.ts';
import { commonArguments } from '../arguments.ts';
import { commandTable } from '../command-table.ts';
import type { Invocation } from '../invocation.ts';
import { tellProblems } from '../tell-problems.ts';
import { columns, type Terminal } from '../terminal.ts';
import { withApp } from '../with-app.ts';

/** The age of a secret, in seconds. */
interface Aged {
  readonly secret: RegistrySecret;
  readonly age: number;
  readonly most: number;
  readonly stage: 'at rest' | 'staged' | 'promoted';
}

const day = 86_400;

/** `flows rotate`: how old the secrets are that registry.yaml says when to rotate. A flow rotates them. */
export async function rotate(invocation: Invocation): Promise<number> {
  const { values } = commonArguments(invocation.argv, commandTable.rotate.options);
  const { terminal } = invocation;
  return withApp(invocation, async (app) => {
    const { registry, problems } = loadBrokerFiles(app.folder);
    if (problems.length > 0) {
      tellProblems(problems, terminal);
      throw new FlowError('invalid', 'policy.yaml or registry.yaml has problems', { hint: 'run `flows check`' });
    }
    const all = await agesOf([...registry.secrets.values()], app);
    const shown = values['due'] === true ? all.filter(isDue) : all;
    if (values['json'] === true) terminal.out(`${JSON.stringify(shown.map(toldOf))}\n`);
    else if (shown.length > 0) terminal.out(columns(shown.map((each) => cells(each, terminal))));
    else terminal.note(all.length > 0 ? 'nothing is due' : 'no secret of registry.yaml has rotate:', 'dim');
    return 0;
  });
}

/** The oldest first, by how far they are over. */
async function agesOf(secrets: readonly RegistrySecret[], app: App): Promise<readonly Aged[]> {
  const { name } = app.environment();
  const { vault } = await app.connections();
  const now = Date.now();
  const found = await Promise.all(
    secrets.map(async (secret): Promise<Aged | undefined> => {
      const reference = secret.references.get(name);
      if (secret.rotate === undefined || reference === undefined) return undefined;
      const { since, next, previous } = await rotatedField(reference, { vault });
      const stage = next !== undefined ? 'staged' : previous !== undefined ? 'promoted' : 'at rest';
      return { secret, age: Math.max(0, Math.floor((now - since) / 1_000)), most: secret.rotate, stage };
    }),
  );
  return found.filter((each) => each !== undefined).toSorted((one, other) => over(other) - over(one));
}

const over = ({ age, most }: Aged) => age - most;
const isDue = (each: Aged) => over(each) >= 0;

function cells(each: Aged, terminal: Terminal): readonly string[] {
  const { secret, age, most, stage } = each;
  const state = isDue(each) ? terminal.paint('red', 'due') : `in ${lengthOf(most - age)}`;
  const owner = secret.owner === undefined ? 'no owner' : safeLine(secret.owner);
  const facts = `${lengthOf(age)} of ${durationText(most)}${stage === 'at rest' ? '' : `, ${stage}`}`;
  return [terminal.paint('bold', secret.name), state, facts, owner];
}

/** As exact as whoever plans a rotation needs it. */
function lengthOf(seconds: number): string {
  if (seconds >= day) return `${Math.floor(seconds / day)}d`;
  return seconds >= 3_600 ? `${Math.floor(seconds / 3_600)}h` : `${Math.ceil(seconds / 60)}m`;
}

function toldOf(each: Aged): object {
  const { secret, age, most, stage } = each;
  return { name: secret.name, owner: secret.owner, age, rotate: most, due: isDue(each), stage };
}
