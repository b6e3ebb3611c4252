import type { App } from '../../../app/open-app.ts';
import { createSources, type Sources } from '../../../broker/answer-source.ts';
import type { Output } from '../../../engine/output.ts';
import { usesOf } from '../../../folder/flows/flow-uses.ts';
import type { Flow } from '../../../folder/flows/flow.ts';
import { parseInputs } from '../../../folder/flows/inputs.ts';
import { loadBrokerFiles } from '../../../folder/policy-and-registry.ts';
import type { Registry } from '../../../folder/registry.ts';
import { errorCodes, FlowError } from '../../../foundation/errors.ts';
import { suggest } from '../../../language/nearest-name.ts';
import { audited } from '../audit/audited-run.ts';
import type { Invocation } from '../invocation.ts';
import { problemsOf, tellProblems } from '../tell-problems.ts';
import { withApp } from '../with-app.ts';
import { noToken, requireVariables, type ValueSource, type Variable, valuesOf, type Wanted } from './values.ts';

/** What was read, or the exit code where files have problems, which are told. */
export type Read =
  | { readonly variables: readonly Variable[]; readonly files: readonly string[] }
  | { readonly exit: number };

/**
 * Reads what is wanted from the vault itself, on this user's trail.
 * @param program the name of the program that gets it, without its arguments; undefined where there is none
 */
export async function readHere(wanted: Wanted, program: string | undefined, invocation: Invocation): Promise<Read> {
  return withApp(invocation, async (app) => {
    const flows = [...(wanted.flow === undefined ? [] : [wanted.flow]), ...wanted.tokens.map(([, flow]) => flow)];
    const problems = ['service', ...flows].flatMap((name) => problemsOf(app.folder, name));
    if (problems.length > 0) {
      tellProblems([...new Set(problems)], invocation.terminal);
      return { exit: errorCodes.invalid.exit };
    }
    const declared = flows.map((name) => app.flow(name));
    const writing = declared.find(({ effect }) => effect === 'write');
    if (writing !== undefined)
      throw new FlowError('refused', 'it writes', {
        hint: `run it by itself: flows ${writing.name}`,
        place: { flow: writing.name },
      });
    // what the files tell is told before anything is read
    if (wanted.flow !== undefined && !wanted.bare) requireVariables(wanted.flow, app.flow(wanted.flow).output);
    for (const [, flow] of wanted.tokens) if (app.flow(flow).output?.kind !== 'scalar') noToken(flow);
    const sources = createSources();
    const run = {
      jti: sources.jti,
      action: program === undefined ? 'local.read' : 'local.exec',
      what: [
        ...flows,
        ...new Set(declared.flatMap((flow) => referencesOf(flow, app))),
        ...wanted.secrets.map(([, name]) => name),
        ...wanted.references.map(([, reference]) => reference.toString()),
        ...(program === undefined ? [] : [`program:${program}`]),
      ],
      breakGlass: declared.some(({ breakGlass }) => breakGlass),
    } as const;
    const trail = await audited(app, run, invocation.terminal);
    const variables = await trail.answer(() => valuesOf(wanted, sourceIn(app, sources.onEvent)));
    return { variables, files: wanted.flow === undefined ? [] : app.flow(wanted.flow).files };
  });
}

/** What its steps read, and what stands in its output. */
function referencesOf(flow: Flow, app: App): readonly string[] {
  const { references } = usesOf(flow, app.environment());
  return references.flatMap(({ access, reference }) => (access === 'write' ? [] : [reference.toString()]));
}

function sourceIn(app: App, onEvent: Sources['onEvent']): ValueSource {
  let registry: Registry | undefined;
  const flow = (name: string) => {
    const found = app.flow(name);
    return app.run(found, parseInputs(found, {}), { onEvent });
  };
  return {
    flow,
    references: (references) => Promise.all(references.map((reference) => app.read(reference))),
    secrets: (names) => {
      const { secrets } = (registry ??= loadBrokerFiles(app.folder).registry);
      return Promise.all(
        names.map(async (name) => {
          const secret = secrets.get(name);
          if (secret === undefined)
            throw new FlowError('usage', `unknown secret "${name}"`, {
              hint: suggest(name, secrets.keys()) ?? 'see registry.yaml',
            });
          const reference = secret.references.get(app.environment().name);
          if (reference !== undefined) return app.read(reference);
          return secretIn(name, secret.flow === undefined ? undefined : await flow(secret.flow));
        }),
      );
    },
  };
}

function secretIn(name: string, output: Output | undefined) {
  const shown = output?.kind === 'scalar' ? output.value : undefined;
  if (shown?.as === 'token') return shown.token.accessToken;
  if (shown?.as === 'secret') return shown.value;
  throw new FlowError('invalid', `secret "${name}" is not there in this environment`, { hint: 'see registry.yaml' });
}
