import type { App } from '../../../app/open-app.ts';
import type { LocalEvent } from '../../../audit/local-trail.ts';
import { asFlowError, FlowError } from '../../../foundation/errors.ts';
import { stateFolder } from '../../../foundation/state-folder.ts';
import type { Terminal } from '../terminal.ts';

export interface LocalRun {
  readonly action: 'local.run' | 'local.read' | 'local.exec';
  readonly what: readonly string[];
  /** goes on, loudly, where the trail cannot be written */
  readonly breakGlass: boolean;
  /** why, as the person at the terminal says */
  readonly reason?: string | undefined;
  /** of the tokens that it has got so far */
  readonly jti?: () => LocalEvent['jti'];
}

export interface Audited {
  /** Does the work, and writes the line before its answer is handed on. @throws FlowError where that is not possible */
  answer<T>(work: () => Promise<T>): Promise<T>;
  /** Writes the line when the work says that it begins, which changes something; another if it fails after that. */
  change<T>(work: (begin: () => Promise<void>) => Promise<T>): Promise<T>;
  /** Writes down what was answered to a step that asks people. @throws FlowError where that is not possible */
  answered(step: string, yes: boolean): Promise<void>;
}

/** Writes onto this user's own trail. */
export interface LocalRecorder {
  /** @throws FlowError where it is not on disk */
  record(happened: LocalEvent): Promise<void>;
  /** what it is chained under is there, or the environment has none */
  readonly ready: () => boolean;
}

/** @param urgent what the work reads first, which its key comes along with, is a break-glass flow's */
export async function localRecorder(app: App, terminal: Terminal, urgent: boolean): Promise<LocalRecorder> {
  const environment = app.environment();
  const connections = await app.connections();
  const keyed = environment.key.length > 0 || environment.laptop;
  if (keyed) connections.expectKeys(urgent);
  // loaded while the vault answers
  const loading = Promise.all([import('../../../audit/local-trail.ts'), import('node:sqlite')]);
  return {
    async record(happened) {
      const [{ recordLocally }] = await loading;
      await recordLocally(happened, {
        environment,
        stateFolder: stateFolder(),
        keys: keyed ? () => connections.derivedKeys('audit') : undefined,
        warn: (message) => terminal.tell('warning', message),
      });
    },
    ready: () => !keyed || connections.hasKeys(),
  };
}

/** A command's runs and reads on this user's own trail. The key comes along with what the work reads first. */
export async function audited(app: App, run: LocalRun, terminal: Terminal): Promise<Audited> {
  const { record, ready } = await localRecorder(app, terminal, run.breakGlass);

  const event = (outcome: LocalEvent['outcome'], code: string | undefined): LocalEvent => {
    const { action, what, reason } = run;
    return {
      action,
      what,
      outcome,
      code,
      reason,
      jti: run.jti?.(),
      request: process.getBuiltinModule('node:crypto').randomUUID(),
    };
  };

  app.onNotTold(async ({ channel, notice: { type, names, id }, error: { code } }) => {
    const detail = `${type} by ${channel}`;
    await record({ action: 'notify.failed', what: names, outcome: 'failed', code, request: id, detail });
  });

  async function allowed(): Promise<void> {
    try {
      await record(event('allowed', undefined));
    } catch (error) {
      if (run.breakGlass && terminal.interactive) return aloud(asFlowError(error));
      await notWritten(error);
    }
  }

  async function notWritten(error: unknown): Promise<never> {
    const { UnwritableTrail } = await import('../../../audit/write-faults.ts');
    if (error instanceof UnwritableTrail) throw error;
    const cause = asFlowError(error);
    // the code is that of what kept it: a key that is not in the vault is not there later either
    throw new FlowError(cause.code, 'the audit trail cannot be written, so nothing is given out', {
      cause,
      hint: cause.line(),
    });
  }

  /** The line where people look: on the terminal and in the system's log. */
  async function aloud(cause: FlowError): Promise<void> {
    const [{ localEvent }, { toSyslog }] = await Promise.all([
      import('../../../audit/local-trail.ts'),
      import('../../../audit/syslog.ts'),
    ]);
    const line = JSON.stringify({ at: new Date().toISOString(), ...localEvent(event('allowed', undefined)) });
    terminal.tell('warning', `not on the audit trail: ${cause.line()}`);
    terminal.note(`audit: ${line}`);
    if (!(await toSyslog(line))) terminal.tell('warning', 'the system log did not take it either');
  }

  /** A failure gives nothing out, and must not hide behind another: it is written down where the key is there. */
  async function failed(failure: unknown): Promise<void> {
    if (!ready()) return;
    try {
      await record(event('failed', asFlowError(failure).code));
    } catch {
      // nothing was given out
    }
  }

  return {
    async answer(work) {
      let done;
      try {
        done = await work();
      } catch (error) {
        await failed(error);
        throw error;
      }
      await allowed();
      return done;
    },
    async answered(step, yes) {
      const [flow = ''] = run.what;
      const told = { ...event(yes ? 'allowed' : 'denied', undefined), action: 'local.answer', what: [flow] } as const;
      await record({ ...told, detail: `step ${step}` }).catch(notWritten);
    },
    async change(work) {
      let begun = false;
      try {
        return await work(async () => {
          await allowed();
          begun = true;
        });
      } catch (error) {
        if (begun) await failed(error);
        throw error;
      }
    },
  };
}
