import { safeLine } from '../../../foundation/safe-line.ts';
import { namedEnvironment, openFolder } from '../../../app/open-folder.ts';
import { commonArguments } from '../arguments.ts';
import { listOptions } from '../command-table.ts';
import { flowsFolder } from '../flows-folder.ts';
import type { Invocation } from '../invocation.ts';
import { columns } from '../terminal.ts';

/** `flows`: the flows with their descriptions. */
export async function list({ argv, terminal }: Invocation): Promise<number> {
  const { values } = commonArguments(argv, listOptions);
  const folder = await openFolder(flowsFolder(values['dir']));
  namedEnvironment(folder, values['environment']);
  const flows = [...folder.flows.values()].toSorted((a, b) => (a.name < b.name ? -1 : 1));
  if (values['json'] === true) {
    const all = flows.map(({ name, description, effect, environments }) => ({
      name,
      description,
      effect,
      environments,
    }));
    terminal.out(`${JSON.stringify(all)}\n`);
  } else {
    terminal.out(
      columns(
        flows.map(({ name, description, effect }) => [
          terminal.paint('bold', name),
          effect === 'write' ? 'writes' : 'reads',
          safeLine(description),
        ]),
      ),
    );
  }
  const broken = new Set(folder.problems.map(({ file }) => file)).size;
  if (broken > 0)
    terminal.tell('warning', `${broken} ${broken === 1 ? 'file has' : 'files have'} problems: run \`flows check\``);
  return 0;
}
