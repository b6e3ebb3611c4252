import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type App, openApp } from '../../src/app/open-app.ts';
import { takeEnvironment } from '../../src/foundation/environment-variables.ts';
import { parseInputs } from '../../src/folder/flows/inputs.ts';
import { approvalRequest } from '../../src/steps/approval-request.ts';
import { createHome } from '../e2e/home.ts';

const asking = (timeout: string) => `description: x
inputs: { order: { type: string, description: x } }
steps:
  - id: asked
    uses: approval/request
    with: { reason: 'Refund of \${{ inputs.order }}', approvers: [ann, bo], timeout: ${timeout} }
output: \${{ steps.asked }}
`;
const home = createHome(false);
let app: App;
beforeAll(async () => {
  home.write('flows/service.yaml', 'default-environment: development\nenvironments:\n  development: {}\n');
  home.write('flows/refund.yaml', asking('2h'));
  home.write('flows/endless.yaml', asking('2d'));
  await home.stack();
  app = await openApp({ dir: join(home.work, 'flows'), taken: takeEnvironment({}) });
});
afterAll(async () => {
  await app.close();
  await home.close();
});

const refund = () => {
  const flow = app.flow('refund');
  return { flow, inputs: parseInputs(flow, { order: 'o-1' }) };
};

describe('approval/request', () => {
  it('tells in the plan whom it will ask for what', async () => {
    const { flow, inputs } = refund();
    const [step] = (await app.plan(flow, inputs)).steps;
    expect(step?.changes).toEqual([{ action: 'ask', what: 'ann or bo', detail: 'Refund of o-1' }]);
  });

  it('gives who said yes', async () => {
    const { flow, inputs } = refund();
    const asked: unknown[] = [];
    const output = await app.run(flow, inputs, {
      async askPeople(step, question) {
        asked.push([step, question]);
        return 'local:op';
      },
    });
    expect(asked).toEqual([['asked', { reason: 'Refund of o-1', approvers: ['ann', 'bo'], timeout: 7_200 }]]);
    expect(JSON.stringify(output)).toContain('local:op');
  });

  it('is refused where nobody can be asked', async () => {
    const { flow, inputs } = refund();
    await expect(app.run(flow, inputs)).rejects.toMatchObject({ code: 'refused', place: { step: 'asked' } });
  });

  it('waits a day at most', () => {
    const connected = {
      rulesOf: () => undefined,
      attributionOf: () => undefined,
      lacking: () => undefined,
      apiOf: () => undefined,
      varies: () => false,
    };
    expect(approvalRequest.check?.({ timeout: '1d' }, new Set(), connected)).toEqual([]);
    expect(app.folder.problems.map(({ file, message }) => [file.slice(-12), message])).toEqual([
      ['endless.yaml', expect.stringContaining('it waits at most 24h')],
    ]);
  });
});
