import { mappings, optionalText, secretId, text, texts, type Input } from './request-input.ts';
import { Refusal } from '../aws/refusal.ts';
import { refuse } from './refusal.ts';
import { findLive, findOwn, type State, type StoredSecret } from './stored-secrets.ts';

/** Replicas in other regions, as far as the region of the primary tells of them, and resource policies. */
export const details = {
  ReplicateSecretToRegions(state: State, input: Input) {
    const secret = findOwn(state, secretId(input));
    addReplicas(state, secret, input);
    return { ARN: secret.arn, ReplicationStatus: replicationOf(state, secret) };
  },

  RemoveRegionsFromReplication(state: State, input: Input) {
    const secret = findOwn(state, secretId(input));
    for (const region of texts(input, 'RemoveReplicaRegions') ?? []) secret.replicas.delete(region);
    return { ARN: secret.arn, ReplicationStatus: replicationOf(state, secret) };
  },

  GetResourcePolicy(state: State, input: Input) {
    const secret = findLive(state, secretId(input));
    return { ARN: secret.arn, Name: secret.name, ResourcePolicy: secret.policy };
  },

  PutResourcePolicy(state: State, input: Input) {
    const secret = findOwn(state, secretId(input));
    const policy = text(input, 'ResourcePolicy', { min: 1, max: 20_480 });
    if (!/"Statement"/.test(policy))
      throw new Refusal('MalformedPolicyDocumentException', 'This resource policy is malformed.');
    if (input['BlockPublicPolicy'] === true && /"Principal":"\*"/.test(policy))
      throw new Refusal('PublicPolicyException', 'This resource policy allows broad access.');
    secret.policy = policy;
    return { ARN: secret.arn, Name: secret.name };
  },
};

export function addReplicas(state: State, secret: StoredSecret, input: Input): void {
  const added = (mappings(input, 'AddReplicaRegions') ?? []).map(
    (each) => [text(each, 'Region'), optionalText(each, 'KmsKeyId', { max: 2048 })] as const,
  );
  if (added.some(([region]) => region === state.region))
    throw refuse.parameter('Invalid replica region: it is the region of the primary.');
  for (const [region, key] of added) secret.replicas.set(region, key);
}

/** As DescribeSecret has it. */
export function replicationOf(state: State, { replicas }: StoredSecret): readonly object[] | undefined {
  if (replicas.size === 0) return undefined;
  return [...replicas].map(([Region, key]) => {
    const failure = state.replicationFailure(Region);
    const status = failure === undefined ? { Status: 'InSync' } : { Status: 'Failed', StatusMessage: failure };
    return { Region, KmsKeyId: key ?? 'alias/aws/secretsmanager', ...status };
  });
}
