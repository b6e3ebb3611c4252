import { randomBytes } from 'node:crypto';
import { z } from 'zod';
import type { Passkey } from '../../../folder/policy/policy.ts';
import { FlowError } from '../../../foundation/errors.ts';
import { checkRegistration } from '../../../foundation/passkey.ts';
import { pagePaths, pathOf } from '../../../foundation/wire.ts';
import { createSoftwarePasskey } from '../../../laptop/software-passkey.ts';

/** Says yes where there is no person at a passkey: by a key that is made at start-up, and ends with the process. */
export interface LaptopApprover {
  readonly name: string;
  /** Ids of the approvals that wait for people. @throws FlowError protocol */
  waiting(): Promise<readonly string[]>;
  /** Says yes to one, as the page does. @throws FlowError protocol where it is not taken */
  approve(id: string): Promise<void>;
}

const signedIn = z.object({ session: z.string() });
const asked = z.object({ ticket: z.string(), options: z.object({ challenge: z.string(), rpId: z.string() }) });
const cards = z.object({ approvals: z.array(z.object({ id: z.string() })) });

/**
 * A software key in the name of an approver. It is marked as one wherever it answers: it proves no person.
 * @example
 * const key = createSoftwareApprover('ann');
 * const { page } = await serve({ …, guest: { agent, token, approver: key } });
 * const [id] = await key.at(page).waiting();
 */
export function createSoftwareApprover(name: string) {
  const key = createSoftwarePasskey();
  const here = { challenge: randomBytes(32), origin: 'http://localhost', rpId: 'localhost' };
  const made = checkRegistration(key.register(here), here);
  if ('problem' in made) throw new FlowError('internal', `the software key is not taken: ${made.problem}`);
  const { id, publicKey, algorithm, synced } = made;
  const passkey: Passkey = { id, publicKey, algorithm, synced, added: undefined, software: true };

  function at(page: string): LaptopApprover {
    let session: string | undefined;

    async function ask<T>(method: 'GET' | 'POST', path: string, schema: z.ZodType<T>, body?: unknown): Promise<T> {
      const response = await fetch(new URL(path, page), {
        method,
        headers: {
          origin: page,
          ...(session === undefined ? {} : { authorization: `Bearer ${session}` }),
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
      const answer = schema.safeParse(await response.json());
      if (!response.ok || !answer.success) throw new FlowError('protocol', `the page said ${response.status}`);
      return answer.data;
    }

    function answerTo({ ticket, options: { challenge, rpId } }: z.infer<typeof asked>) {
      return { ticket, assertion: key.assert({ challenge: Buffer.from(challenge, 'base64url'), origin: page, rpId }) };
    }

    async function signIn(): Promise<void> {
      if (session !== undefined) return;
      const begun = await ask('POST', pagePaths.loginOptions, asked);
      ({ session } = await ask('POST', pagePaths.login, signedIn, answerTo(begun)));
    }

    return {
      name,
      async waiting() {
        await signIn();
        const { approvals } = await ask('GET', `${pagePaths.approvals}?state=pending`, cards);
        return approvals.map((each) => each.id);
      },
      async approve(approval) {
        await signIn();
        const of = (path: `${string}{id}${string}`) => pathOf(path, encodeURIComponent(approval));
        const begun = await ask('POST', of(pagePaths.challenge), asked, { decision: 'approve' });
        await ask('POST', of(pagePaths.decision), z.unknown(), answerTo(begun));
      },
    };
  }

  return { name, passkey, at };
}
