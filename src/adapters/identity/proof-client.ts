import type { Reference } from '../../foundation/reference.ts';
import type { Secret } from '../../foundation/secret.ts';
import { form, type InputOf, optional, required } from '../../language/forms.ts';
import type { LaptopDouble } from '../laptop-stack.ts';

/** The client by which an account is proved without pages. */
export interface ProofClient {
  readonly clientId: string;
  /** undefined: a public client */
  readonly clientSecret?: (() => Promise<Secret>) | undefined;
}

/** The body of a request to a token endpoint, as that client makes it. */
export async function asProofClient(
  { clientId, clientSecret }: ProofClient,
  fields: Readonly<Record<string, string>>,
): Promise<URLSearchParams> {
  const secret = await clientSecret?.();
  return new URLSearchParams({
    client_id: clientId,
    ...(secret === undefined ? {} : { client_secret: secret.reveal() }),
    ...fields,
  });
}

/** The key that names it. @param client what it must be */
export function proofKeys(client: string) {
  return {
    proof: optional(
      form.object({
        'client-id': required(form.text(), client),
        'client-secret': optional(form.reference(), 'its secret, where it is no public client'),
      }),
      'how an account is proved without pages: password and one-time code for a token',
    ),
  };
}

type Proof = InputOf<ReturnType<typeof proofKeys>>['proof'];

/** Why nothing can be proved where it is not named. @param besides what would do as well */
export function proofTrouble(proof: Proof, besides = '') {
  if (proof !== undefined) return undefined;
  return {
    problem: 'has no client that proves accounts',
    hint: `add proof: { client-id: …, client-secret: op://… } to it in service.yaml${besides}`,
  };
}

/** As the laptop's double has it: its secret is the stack's, and stands in no vault. */
export function proofOfLaptop(double: LaptopDouble | undefined) {
  return { 'client-id': double?.proof.clientId ?? '', 'client-secret': undefined };
}

export function proofClientOf(
  proof: Proof,
  double: LaptopDouble | undefined,
  read: (reference: Reference) => Promise<Secret>,
): ProofClient | undefined {
  if (proof === undefined) return undefined;
  const { 'client-id': clientId, 'client-secret': secret } = proof;
  if (secret !== undefined) return { clientId, clientSecret: () => read(secret) };
  return { clientId, clientSecret: double && (() => Promise.resolve(double.proof.clientSecret)) };
}
