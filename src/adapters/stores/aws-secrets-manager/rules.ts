import type { Replica, StoreRules } from '../contract.ts';
import { isSamePolicy, policyProblem } from './resource-policy.ts';
import { partitionOf, regionPattern } from '../../aws/partitions.ts';

/** UTF-8 bytes, by AWS's service model. */
const largestValue = 65_536;
const letters = 'a name takes letters, digits and /_+=.@-, at most 512 of them';

/** What AWS would refuse, or would take and regret. */
export const awsRules: StoreRules = {
  nameOf(text) {
    const arn = arnOf(text);
    return arn === undefined ? { name: text } : { name: arn.name, id: text };
  },
  problems({ name, description, kmsKey, tags, replicas, resourcePolicy }) {
    const found: { key: string; problem: string; hint?: string }[] = [];
    const wrong = name === undefined ? undefined : nameProblem(name);
    if (wrong !== undefined) found.push({ key: 'name', ...wrong });
    if ((description?.length ?? 0) > 2048)
      found.push({ key: 'description', problem: 'is longer than 2048 characters' });
    if (kmsKey !== undefined && !kmsKeyPattern.test(kmsKey)) found.push({ key: 'kms-key', ...noKmsKey });
    found.push(...replicaProblems(replicas ?? []));
    const unfit = resourcePolicy === undefined ? undefined : policyProblem(resourcePolicy);
    if (unfit !== undefined) found.push({ key: 'resource-policy', ...unfit });
    for (const each of tagProblems(tags ?? {})) found.push({ key: 'tags', ...each });
    return found;
  },
  warning(name) {
    if (name.startsWith('arn:') || !/-[A-Za-z0-9]{6}$/.test(name)) return undefined;
    return 'ends in a hyphen and six characters, as an ARN does: read it by its whole ARN, never by one without AWS’s ending';
  },
  valueProblem(bytes) {
    if (bytes === 0) {
      const hint = 'fill the field in the vault, or leave the secret out';
      return { problem: 'is empty, and AWS stores no empty value', hint };
    }
    if (bytes <= largestValue) return undefined;
    const problem = `has ${bytes} bytes, and AWS stores at most ${largestValue}`;
    return { problem, hint: 'split it into several secrets' };
  },
  // AWS may answer with the ARN of a key that was declared by its id or alias
  isSameKey(declared, stored = 'alias/aws/secretsmanager') {
    return stored === declared || stored.endsWith(`:${declared}`) || stored.endsWith(`/${declared}`);
  },
  restore: (name) => `aws secretsmanager restore-secret --secret-id ${name}`,
  details: new Set(['replicas', 'resource-policy']),
  isSamePolicy,
  recoveryWindow: { least: 7, most: 30 },
};

const kmsKeyPattern = /^[A-Za-z0-9:/_-]{1,2048}$/;
const noKmsKey = { problem: 'is not the ARN, id or alias of a KMS key', hint: 'write it as in alias/runtime' };

/** @param own the region of the secret itself, where it is known */
export function replicaProblems(
  replicas: readonly Replica[],
  own?: string,
): readonly { readonly key: string; readonly problem: string; readonly hint: string }[] {
  return replicas.flatMap(({ region, kmsKey }, index) => {
    const at = (key: string) => `replicas[${index}].${key}`;
    const before = replicas.findIndex((each) => each.region === region);
    const problems = [];
    if (!regionPattern.test(region))
      problems.push({ key: at('region'), problem: 'is not the name of a region', hint: 'write it as in eu-central-1' });
    if (before < index)
      problems.push({
        key: at('region'),
        problem: `is the same as replicas[${before}].region`,
        hint: 'name each once',
      });
    if (region === own)
      problems.push({ key: at('region'), problem: 'is where the secret itself is', hint: 'name another region' });
    if (kmsKey !== undefined && !kmsKeyPattern.test(kmsKey)) problems.push({ key: at('kms-key'), ...noKmsKey });
    return problems;
  });
}

function nameProblem(name: string): { problem: string; hint: string } | undefined {
  if (name.startsWith('arn:')) {
    const arn = arnOf(name);
    if (arn !== undefined && arn.partition === partitionOf(arn.region).id) return undefined;
    if (arn !== undefined) {
      const problem = `names the partition ${arn.partition}, and ${arn.region} is not in it`;
      return { problem, hint: `it begins with arn:${partitionOf(arn.region).id}:` };
    }
    return {
      problem: 'is not the whole ARN of a secret',
      hint: 'it ends in a hyphen and six characters that AWS adds',
    };
  }
  if (!/^[A-Za-z0-9/_+=.@-]{1,512}$/.test(name)) return { problem: 'is not a name that AWS takes', hint: letters };
  return undefined;
}

function tagProblems(tags: Readonly<Record<string, string>>): readonly { problem: string; hint?: string }[] {
  const entries = Object.entries(tags);
  const found: { problem: string; hint?: string }[] = [];
  if (entries.length > 50) found.push({ problem: 'are more than 50' });
  for (const [key, value] of entries) {
    const named = `hold ${JSON.stringify(key.slice(0, 128))}, `;
    if (/^aws:/i.test(key))
      found.push({ problem: `${named}which is AWS's own`, hint: 'a key may not begin with aws:' });
    if (key.length < 1 || key.length > 128) found.push({ problem: `${named}a key of other than 1–128 characters` });
    if (value.length > 256) found.push({ problem: `${named}whose value is longer than 256 characters` });
    if (!/^[\p{L}\p{Z}\p{N}_.:/=+@-]*$/u.test(`${key}${value}`)) {
      found.push({
        problem: `${named}with characters that AWS does not take`,
        hint: 'letters, digits, spaces and _.:/=+-@',
      });
    }
  }
  return found;
}

interface Arn {
  readonly partition: string;
  readonly region: string;
  readonly account: string;
  /** the name that the secret was made with, without AWS's suffix */
  readonly name: string;
}

/** An ARN of a secret, complete with its suffix: a partial one may name another secret. */
export function arnOf(text: string): Arn | undefined {
  const match =
    /^arn:(aws(?:-[a-z]+)*):secretsmanager:([a-z0-9-]+):(\d{12}):secret:([A-Za-z0-9/_+=.@-]{1,512})-[A-Za-z0-9]{6}$/.exec(
      text,
    );
  const [, partition, region, account, name] = match ?? [];
  if (partition === undefined || region === undefined || account === undefined || name === undefined) return undefined;
  return { partition, region, account, name };
}
