import type { App } from '../../../app/open-app.ts';
import { drillEvent } from '../../../audit/break-glass-state.ts';
import { runDrill } from '../../../app/drill.ts';
import { breakGlassIn, type Drill } from '../../../folder/break-glass-accounts.ts';
import { ed25519KeyOf, ed25519Text } from '../../../foundation/ed25519.ts';
import { asFlowError, endings, FlowError } from '../../../foundation/errors.ts';
import { localAgent } from '../../../foundation/local-user.ts';
import { suggest } from '../../../language/nearest-name.ts';
import { commonArguments, wordsOf } from '../arguments.ts';
import { localRecorder } from '../audit/audited-run.ts';
import { commandTable } from '../command-table.ts';
import { drillText } from '../drill/drill-text.ts';
import type { Invocation } from '../invocation.ts';
import type { Terminal } from '../terminal.ts';
import { withApp } from '../with-app.ts';

const { options, verbs } = commandTable.drill;

/** `flows drill [FLOW]`: whether break-glass works, with evidence; `verify` and `key` are for whoever checks that. */
export async function drill(invocation: Invocation): Promise<number> {
  const [, word] = wordsOf(invocation.argv, 2, { ...options, ...verbs.verify.options });
  if (word === 'verify') return (await import('../drill/verify-evidence.ts')).verifyEvidence(invocation);
  if (word === 'key') return publicKeys(invocation);
  const { positionals, values } = commonArguments(invocation.argv, options, 2);
  return withApp(invocation, async (app) => {
    const found = drillsOf(app, positionals[1]);
    let held = true;
    // one after another: they may be of one account, whose codes are taken once each
    for (const each of found) held = (await run(app, each, invocation.terminal, values['json'] === true)) && held;
    return held ? 0 : endings['cases-differ'].exit;
  });
}

function drillsOf(app: App, name: string | undefined): readonly Drill[] {
  const { drills } = breakGlassIn(app.folder, app.environment());
  const hint = 'a drill only reads, and signs in with idp/sign-in as a user that is known before it runs';
  if (name === undefined && drills.length === 0) throw new FlowError('usage', 'the folder has no drill', { hint });
  const found = drills.filter(({ flow }) => name === undefined || flow.name === name);
  if (found.length > 0) return found;
  // one that is not there, or does not run here, is told as everywhere
  app.flow(name ?? '');
  const near = suggest(
    name ?? '',
    drills.map(({ flow }) => flow.name),
  );
  throw new FlowError('usage', `the flow "${name}" is no drill`, { hint: near ?? hint });
}

/** @returns whether it held */
async function run(app: App, drilling: Drill, terminal: Terminal, json: boolean): Promise<boolean> {
  const { record } = await localRecorder(app, terminal, false);
  const id = process.getBuiltinModule('node:crypto').randomUUID();
  const proof = await runDrill(app, drilling, { id, by: localAgent(), now: Date.now });
  await record({ ...drillEvent(proof.found, proof.signed), request: id }).catch((cause: unknown) => {
    const hint = asFlowError(cause).line();
    throw new FlowError('unavailable', 'the audit trail cannot be written, so the drill is worth nothing', {
      cause,
      hint,
    });
  });
  if (json) terminal.out(`${JSON.stringify(proof.signed)}\n`);
  else terminal.out(drillText(proof, terminal.paint));
  return proof.found.held;
}

/** `flows drill key`: what a third party needs, once, to check evidence; a former one too, while keys are changed. */
async function publicKeys(invocation: Invocation): Promise<number> {
  commonArguments(invocation.argv, {}, 2);
  return withApp(invocation, async (app) => {
    const seeds = await (await app.connections()).derivedKeys('drill');
    for (const seed of seeds) invocation.terminal.out(`${ed25519Text(ed25519KeyOf(seed).public)}\n`);
    return 0;
  });
}
