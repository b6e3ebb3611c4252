import type { IdentityProvider } from '../adapters/identity/contract.ts';
import { createNotice } from '../adapters/channels/notice.ts';
import type { RunEvent } from '../engine/run-events.ts';
import { breakGlassIn, type Drill } from '../folder/break-glass-accounts.ts';
import { parseInputs } from '../folder/flows/inputs.ts';
import {
  type BrokenLink,
  type DrillEvidence,
  type DrilledAlert,
  type DrilledStep,
  signEvidence,
  type SignedEvidence,
} from '../foundation/drill-evidence.ts';
import { ed25519KeyOf } from '../foundation/ed25519.ts';
import { asFlowError, FlowError } from '../foundation/errors.ts';
import { propertyOf } from '../steps/contract.ts';
import { signInOf, skewText } from '../steps/procedures/complete-sign-in.ts';
import type { App } from './open-app.ts';
import { sendUrgently } from './tell-channels.ts';

/** Milliseconds that a channel has to take the alert of a drill, once the rest of it is over. */
export const patience = 5_000;
/** Seconds: a code of a clock that is further off is refused by providers that take no code but that of the moment. */
const mostSkew = 30;

/** What became of a step, and the plain fields of what it gave. */
export interface StepOfDrill extends Pick<DrilledStep, 'step' | 'outcome' | 'code' | 'milliseconds'> {
  readonly output?: Readonly<Record<string, unknown>>;
}

/** A drill's run that is over, wherever it was. */
export interface DrillRun extends Pick<DrillEvidence, 'id' | 'by' | 'schedule'> {
  /** epoch milliseconds */
  readonly began: number;
  readonly ended: number;
  /** those that began */
  readonly steps: readonly StepOfDrill[];
  /** the step that it failed at, and why; undefined: it did not */
  readonly failure: BrokenLink | undefined;
  readonly alerts: readonly Alerted[];
}

/** What became of one channel, and why where it was not told. */
export interface Alerted extends DrilledAlert {
  readonly why: string | undefined;
}

/** What a drill found, and the same signed. */
export interface Proof {
  readonly found: DrillEvidence;
  readonly signed: SignedEvidence;
}

type Drilling = Pick<App, 'connections' | 'environment' | 'folder'>;

/** The drill that a flow is in the app's environment; undefined where it proves nothing. */
export function drillOf({ folder, environment }: Pick<App, 'folder' | 'environment'>, flow: string): Drill | undefined {
  return breakGlassIn(folder, environment()).drills.find((drill) => drill.flow.name === flow);
}

/**
 * Runs a drill here, telling those meanwhile who would be told of break-glass, and signs what it found. That a link is
 * broken is a finding, and is not thrown.
 * @param by `local:<user>`
 * @param now epoch milliseconds
 * @throws FlowError where nothing can be signed: the environment has no key, or the vault does not give it
 */
export async function runDrill(
  app: Drilling & Pick<App, 'run'>,
  drill: Drill,
  { id, by, now }: { readonly id: string; readonly by: string; readonly now: () => number },
): Promise<Proof> {
  const { flow } = drill;
  const began = now();
  const ending = new AbortController();
  const alerting = alertOfDrill(app, drill, by, began, ending.signal);
  const steps = new Map<string, StepOfDrill>();
  const onEvent = (event: RunEvent): void => {
    // a drill only reads: it holds nothing back
    if (event.type !== 'step-started' && event.type !== 'step-taken-back') steps.set(event.step, outcomeOf(event));
  };
  let failure: DrillRun['failure'];
  try {
    await app.run(flow, parseInputs(flow, {}), { agent: by, onEvent });
  } catch (error) {
    failure = failureOf(asFlowError(error));
  }
  const ended = now();
  // it needs the vault too: only from here on it is late
  const timer = setTimeout(() => ending.abort(), patience);
  const alerts = await alerting;
  clearTimeout(timer);
  return proofOf(app, drill, {
    id,
    by,
    schedule: null,
    began,
    ended,
    steps: [...steps.values()],
    failure,
    alerts,
  });
}

function outcomeOf(event: Exclude<RunEvent, { type: 'step-started' | 'step-taken-back' }>): StepOfDrill {
  const { step, milliseconds } = event;
  if (event.type === 'step-failed')
    return { step, outcome: 'failed', code: event.code, milliseconds: round(milliseconds) };
  return {
    step,
    outcome: event.outcome,
    code: null,
    milliseconds: round(milliseconds),
    output: propertiesOf(event.output),
  };
}

/** Fields by the names that a step gives them: `seedVersion` for `seed-version`. */
function propertiesOf(fields: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  return Object.fromEntries(Object.entries(fields).map(([name, value]) => [propertyOf(name), value]));
}

/** Without its place, which the evidence has already. */
function failureOf(error: FlowError): DrillRun['failure'] {
  const { flow: _, step, ...place } = error.place;
  const bare = new FlowError(error.code, error.message, { place, hint: error.hint });
  return { step: step ?? null, why: bare.line() };
}

/** Tells each channel that this is a drill. Never throws: who was not told is what a drill is for. */
export async function alertOfDrill(
  app: Drilling,
  { flow, notify }: Pick<Drill, 'flow' | 'notify'>,
  by: string,
  at: number,
  signal: AbortSignal,
): Promise<readonly Alerted[]> {
  const environment = app.environment().name;
  const notice = createNotice({ type: 'break-glass.drill', environment, agent: by, names: [flow.name] }, at);
  return Promise.all(
    notify.map(async (channel): Promise<Alerted> => {
      try {
        await sendUrgently(app.connections(), channel, notice, signal);
        return { channel, delivered: true, code: null, why: undefined };
      } catch (cause) {
        const error = asFlowError(cause);
        return { channel, delivered: false, code: error.code, why: `people are not told: ${error.line()}` };
      }
    }),
  );
}

/** What a run of a drill found, signed with the environment's key. @throws FlowError where there is none */
export async function proofOf(app: Drilling, { flow, proves }: Drill, run: DrillRun): Promise<Proof> {
  const connections = await app.connections();
  const [seed] = await connections.derivedKeys('drill');
  const steps = new Map(run.steps.map((each) => [each.step, each]));
  const providerOf = (name: string) => connections.get('identity-providers', name) as IdentityProvider;
  const accounts = proves.map(({ step, username, provider }) => {
    const { at, passwordVersion, seedVersion } = (steps.get(step)?.output ?? {}) as Record<string, unknown>;
    const { address } = providerOf(provider);
    const text = (value: unknown) => (typeof value === 'string' ? value : null);
    const versions = { password: text(passwordVersion), seed: text(seedVersion) };
    return { username, provider, address, step, proven: text(at), ...versions };
  });
  // of the sign-in itself: what an issuer told earlier may be hours old
  const skews = proves.map(({ provider }) => signInOf(providerOf(provider)).clockSkew?.());
  const skew = skews.find((each) => each !== undefined) ?? (await connections.clockSkew().catch(() => undefined));
  const broken = brokenLinks(run, skew);
  const found: DrillEvidence = {
    v: 1,
    drill: flow.name,
    environment: app.environment().name,
    id: run.id,
    by: run.by,
    schedule: run.schedule,
    began: new Date(run.began).toISOString(),
    took: round(run.ended - run.began),
    held: broken.length === 0,
    broken,
    accounts,
    steps: flow.steps.map(({ id, uses }) => {
      const { outcome = 'not-run', code = null, milliseconds = null } = steps.get(id) ?? {};
      return { step: id, uses, outcome, code, milliseconds };
    }),
    alerts: run.alerts.map(({ channel, delivered, code }) => ({ channel, delivered, code })),
    skew: skew ?? null,
  };
  return { found, signed: signEvidence(found, ed25519KeyOf(seed)) };
}

function brokenLinks({ failure, steps, alerts }: DrillRun, skew: number | undefined): readonly BrokenLink[] {
  const others = steps.filter(({ outcome, step }) => outcome === 'failed' && step !== failure?.step);
  const isOff = skew !== undefined && Math.abs(skew) > mostSkew;
  return [
    ...(failure === undefined ? [] : [failure]),
    ...others.map(({ step, code }) => ({ step, why: `it failed: ${code}` })),
    ...alerts.flatMap(({ why }) => (why === undefined ? [] : [{ step: null, why }])),
    ...(isOff ? [{ step: null, why: skewText(skew) }] : []),
  ];
}

function round(milliseconds: number): number {
  return Math.max(0, Math.round(milliseconds));
}
