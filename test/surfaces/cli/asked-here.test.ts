import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { errorCodes } from '../../../src/foundation/errors.ts';
import { createHome, type Running } from '../../e2e/home.ts';
import { python } from '../../programs.ts';

const home = createHome(true, 'onepassword-connect');
const refund = `description: Asks, then makes a login
inputs: { title: { type: string, description: its title } }
steps:
  - id: asked
    uses: approval/request
    with: { reason: 'Login \${{ inputs.title }}', approvers: [ann, bo] }
  - id: login
    uses: vault/create-login
    with: { vault: Accounts, title: '\${{ inputs.title }}', username: x }
output: { by: '\${{ steps.asked.by }}' }
`;
const byHand = `description: A person makes a key
steps:
  - id: key
    uses: human/step
    with: { say: Make a key, field: op://Accounts/By Hand/credential }
`;
beforeAll(async () => {
  home.write('flows/refund.yaml', refund);
  home.write('flows/asks.yaml', byHand);
  home.write('flows/waits.yaml', byHand.replace(' }', ', wait: 1h }'));
  await home.stack();
});
afterAll(() => home.close());

/** Answers the question of the plan with yes, and what the step asks as given. */
async function answering(title: string, answer: string): Promise<Running> {
  const running = home.start(['refund', '--title', title], { terminal: true });
  await running.shows('Do this in environment development? [y/N]');
  running.child.stdin.write('y\r');
  await running.shows(/Login \S+: asked of ann, bo\. Yes, as local:\S+\? \[y\/N\]/);
  running.child.stdin.write(`${answer}\r`);
  return running;
}

const answers = async () =>
  (await home.flows(['audit', '--action', 'local.answer', '--json'])).stdout
    .trim()
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Record<string, unknown>);

describe.runIf(python)('a step that asks people, at a terminal', () => {
  test.each(['y', 'YES'])('is answered by whoever runs the flow with %s, which is on the trail', async (answer) => {
    const { ended } = await answering(answer, answer);
    const { code, stdout } = await ended;
    expect([code, stdout]).toEqual([0, expect.stringMatching(/login \(\d+\.\d s\)[^]*by +local:/)]);
    const [last] = (await answers()).slice(-1);
    expect(last).toMatchObject({
      agent: expect.stringMatching(/^local:/) as string,
      what: ['refund'],
      outcome: 'allowed',
      detail: 'step asked',
    });
  });

  test.each(['n', 'maybe', ''])('writes nothing after %j, and that is on the trail too', async (answer) => {
    const { ended } = await answering(`no-${answer}`, answer);
    const { code, stdout } = await ended;
    expect(code).not.toBe(0);
    expect(stdout).toContain('answered with no');
    expect(stdout).not.toContain('login (');
    expect((await answers()).at(-1)).toMatchObject({ outcome: 'denied', detail: 'step asked' });
  });

  test('is not asked where the plan is answered with no', async () => {
    const running = home.start(['refund', '--title', 'never'], { terminal: true });
    await running.shows('[y/N]');
    running.child.stdin.write('n\r');
    const { code, stdout } = await running.ended;
    expect(code).not.toBe(0);
    expect(stdout).toContain('nothing was changed');
    expect(stdout).not.toContain('asked of');
  });
});

test('a step that waits until something is in the vault needs no terminal, and one that asks does', async () => {
  const asks = await home.flows(['asks', '--yes']);
  expect([asks.code, asks.stderr]).toEqual([
    errorCodes.refused.exit,
    expect.stringContaining('there is no terminal to ask on'),
  ]);
  const waits = home.start(['waits', '--yes']);
  await waits.shows('a person puts it there within 1h: Make a key');
  waits.child.kill('SIGTERM');
  expect(await waits.ended).toMatchObject({ stdout: '' });
});
