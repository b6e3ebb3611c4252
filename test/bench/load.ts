import { openFolder } from '../../src/app/open-folder.ts';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseDocument } from 'yaml';
import { createHome } from '../e2e/home.ts';
import { inTurn, row, type Row } from './row.ts';

const count = 500;

/** A flow that uses most of the language: inputs, a reference with a variable, two steps, an output mapping. */
function flow(index: number): string {
  return `description: Token ${index} for the service of team ${index % 17}
inputs:
  stage: { type: enum, values: [blue, green], default: blue, description: which of the two }
  region: { type: string, pattern: '[a-z]{2}-[a-z]+-[0-9]', default: eu-west-1, description: where it runs }
steps:
  - id: token
    uses: oauth/client-credentials
    with:
      issuer: \${{ issuers.main }}
      client-id: op://Agents/Service ${index} \${{ inputs.stage }}/username
      client-secret: op://Agents/Service ${index} \${{ inputs.stage }}/credential
      audience: https://service-${index}.example/\${{ inputs.region }}
      scope: [read, 'write:${index}']
  - id: checked
    uses: jwt/verify
    with:
      token: \${{ steps.token }}
      issuer: \${{ issuers.main }}
      audience: https://service-${index}.example/\${{ inputs.region }}
output:
  token: \${{ steps.token }}
  claims: \${{ steps.checked.claims }}
`;
}

/** Loading and checking a folder of 500 flows for two environments, against only parsing its YAML. */
export async function bench({ short }: { readonly short: boolean }): Promise<Row[]> {
  const home = createHome();
  try {
    for (let index = 0; index < count; index += 1) home.write(`flows/service-${index}.yaml`, flow(index));
    const dir = join(home.work, 'flows');
    const timed = async (work: () => unknown) => {
      const start = performance.now();
      await work();
      return performance.now() - start;
    };
    const load = () =>
      timed(async () => {
        const { flows, problems } = await openFolder(dir, {});
        if (flows.size < count || problems.length > 0) throw new Error(`problems: ${JSON.stringify(problems[0])}`);
      });
    const parse = () =>
      timed(() => {
        for (const name of readdirSync(dir).filter((each) => each.endsWith('.yaml'))) {
          parseDocument(readFileSync(join(dir, name), 'utf8'));
        }
      });
    // neither is measured on code that the engine sees for the first time
    await load();
    await parse();
    const times = await inTurn(short ? 3 : 9, { load, parse });
    return [
      row({
        name: `load and check ${count} flows, against parsing their YAML`,
        value: times.of('load'),
        unit: 'ms',
        against: times.of('parse'),
        ratio: times.ratio('load', 'parse'),
        goal: { atMost: 3 },
      }),
    ];
  } finally {
    await home.close();
  }
}
