import { z } from 'zod';
import { FlowError, oneLine } from '../../../foundation/errors.ts';
import type { SecretName, StoredReplica, StoredSecret } from '../contract.ts';
import { arnOf } from './rules.ts';

/** What AWS answers, held to its form: the SDK hands on whatever came with status 200. */
export interface Answers {
  /** of ListSecrets: each secret by its own word, nothing of which was asked for */
  page(answer: unknown): { readonly entries: readonly StoredSecret[]; readonly next: string | undefined };
  /** of DescribeSecret, about what was asked for */
  secret(answer: unknown, asked: SecretName): StoredSecret;
  /**
   * Of a write: it names our secret, and the version where one was written.
   * @returns its identifier, and the labels of the version, where AWS tells them
   */
  written(
    answer: unknown,
    asked: SecretName,
    version?: string,
  ): { readonly id: string; readonly labels: readonly string[] };
  /** of ReplicateSecretToRegions: how the copies of this very secret stand */
  replicas(answer: unknown, id: string): readonly StoredReplica[];
  /** of GetResourcePolicy; undefined: it has none */
  policy(answer: unknown, asked: SecretName): string | undefined;
  versions(answer: unknown): { readonly ids: readonly string[]; readonly next: string | undefined };
}

const text = z.string().nullish();
const labels = z.record(z.string(), z.array(z.string())).nullish();
const replication = z
  .array(z.object({ Region: z.string(), KmsKeyId: text, Status: text, StatusMessage: text }))
  .nullish();
const secret = z.object({
  ARN: z.string(),
  Name: z.string(),
  Description: text,
  KmsKeyId: text,
  DeletedDate: z.date().nullish(),
  OwningService: text,
  PrimaryRegion: text,
  Tags: z.array(z.object({ Key: z.string(), Value: text })).nullish(),
  SecretVersionsToStages: labels,
  VersionIdsToStages: labels,
  ReplicationStatus: replication,
});
const replicated = z.object({ ARN: z.string(), ReplicationStatus: replication });
const policy = z.object({ ARN: z.string(), Name: z.string(), ResourcePolicy: text });
const page = z.object({ SecretList: z.array(secret), NextToken: text });
const written = z.object({
  ARN: z.string(),
  Name: z.string(),
  VersionId: text,
  VersionStages: z.array(z.string()).nullish(),
});
const versions = z.object({ Versions: z.array(z.object({ VersionId: z.string() })), NextToken: text });

export function createAnswers(place: { readonly region: string; readonly account?: string | undefined }): Answers {
  const stored = (of: z.infer<typeof secret>): StoredSecret => {
    // a version without a label is one that AWS may remove: some implementations list it all the same
    const all = Object.entries(of.SecretVersionsToStages ?? of.VersionIdsToStages ?? {});
    const labelled = all.filter(([, each]) => each.length > 0);
    return {
      name: of.Name,
      id: of.ARN,
      current: labelled.find(([, each]) => each.includes('AWSCURRENT'))?.[0],
      versions: labelled.map(([id]) => id),
      // AWS leaves the label on what was promoted
      pending: labelled.find(([, each]) => each.includes('AWSPENDING') && !each.includes('AWSCURRENT'))?.[0],
      scheduledForDeletion: of.DeletedDate instanceof Date,
      owner: ownerOf(of.OwningService, of.PrimaryRegion, place.region),
      description: of.Description ?? undefined,
      kmsKey: of.KmsKeyId ?? undefined,
      tags: Object.fromEntries((of.Tags ?? []).map(({ Key, Value }) => [Key, Value ?? ''])),
      ...(of.ReplicationStatus ? { replicas: of.ReplicationStatus.map(replicaOf) } : {}),
    };
  };
  return {
    page(answer) {
      const { SecretList, NextToken } = parsed(page, answer);
      return { entries: SecretList.map(stored), next: NextToken || undefined };
    },
    secret(answer, asked) {
      const found = stored(parsed(secret, answer));
      requireAsked(found, asked, place);
      return found;
    },
    written(answer, asked, version) {
      const { ARN, Name, VersionId, VersionStages } = parsed(written, answer);
      requireAsked({ name: Name, id: ARN }, asked, place);
      if (version !== undefined && VersionId !== version) throw foreign('version');
      return { id: ARN, labels: VersionStages ?? [] };
    },
    replicas(answer, id) {
      const { ARN, ReplicationStatus } = parsed(replicated, answer);
      if (ARN !== id) throw foreign('secret');
      return (ReplicationStatus ?? []).map(replicaOf);
    },
    policy(answer, asked) {
      const { ARN, Name, ResourcePolicy } = parsed(policy, answer);
      requireAsked({ name: Name, id: ARN }, asked, place);
      return ResourcePolicy ?? undefined;
    },
    versions(answer) {
      const { Versions, NextToken } = parsed(versions, answer);
      return { ids: Versions.map(({ VersionId }) => VersionId), next: NextToken || undefined };
    },
  };
}

/** @throws FlowError protocol where it is another secret than the one that was asked for, whatever it calls itself */
export function requireAsked(
  { name, id }: Pick<StoredSecret, 'name' | 'id'>,
  asked: SecretName,
  { region, account }: { readonly region: string; readonly account?: string | undefined },
): void {
  const arn = arnOf(id);
  const ours = arn?.region === region && (account ?? arn.account) === arn.account && arn.name === asked.name;
  if (!ours || name !== asked.name || (asked.id ?? id) !== id) throw foreign('secret');
}

/** The primary of replicas names its own region. */
function ownerOf(service: string | null | undefined, primary: string | null | undefined, region: string) {
  if (service !== undefined && service !== null)
    return `managed by the service ${oneLine(service, 100)}, which alone writes it`;
  if (primary === undefined || primary === null || primary === region) return undefined;
  return `a replica of the secret in ${oneLine(primary, 100)}; push it to a store of that region`;
}

interface Replicated {
  readonly Region: string;
  readonly KmsKeyId?: string | null | undefined;
  readonly Status?: string | null | undefined;
  readonly StatusMessage?: string | null | undefined;
}

function replicaOf({ Region, KmsKeyId, Status, StatusMessage }: Replicated): StoredReplica {
  const failure = Status === 'Failed' ? `failed: ${failureOf(StatusMessage ?? '')}` : undefined;
  return { region: oneLine(Region, 40), kmsKey: KmsKeyId ?? undefined, failure };
}

/** AWS's own words are matched and never shown. */
function failureOf(message: string): string {
  if (/already exists/i.test(message)) return 'another secret has its name there';
  if (/kms|\bkey\b/i.test(message)) return 'its KMS key cannot be used there';
  return 'see aws secretsmanager describe-secret';
}

const hint = 'check the region and endpoint:';

function parsed<T>(form: z.ZodType<T>, answer: unknown): T {
  const found = form.safeParse(answer);
  if (found.success) return found.data;
  throw new FlowError('protocol', 'AWS gave an answer that is not one of Secrets Manager', {
    hint,
  });
}

function foreign(what: 'secret' | 'version'): FlowError {
  return new FlowError('protocol', `AWS answered about another ${what} than the one that was asked for`, { hint });
}
