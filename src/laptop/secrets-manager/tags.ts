import { mappings, optionalText, secretId, text, texts, type Input } from './request-input.ts';
import { refuse } from './refusal.ts';
import { findLive, type State, type StoredSecret } from './stored-secrets.ts';

type Tag = readonly [key: string, value: string];

export const tagging = {
  TagResource(state: State, input: Input) {
    const secret = findLive(state, secretId(input));
    setTags(secret, tagsOf(input));
    state.changed(secret);
    return {};
  },

  UntagResource(state: State, input: Input) {
    const secret = findLive(state, secretId(input));
    for (const key of texts(input, 'TagKeys') ?? []) secret.tags.delete(key);
    state.changed(secret);
    return {};
  },
};

export function tagsOf(input: Input): readonly Tag[] {
  return (mappings(input, 'Tags') ?? []).map((tag) => {
    const key = text(tag, 'Key', { min: 1, max: 128 });
    if (key.toLowerCase().startsWith('aws:')) throw refuse.parameter('Tag keys may not begin with aws:.');
    return [key, optionalText(tag, 'Value', { max: 256 }) ?? ''];
  });
}

/** All or none: the limit is checked first. */
export function setTags(secret: StoredSecret, tags: readonly Tag[]): void {
  const keys = new Set([...secret.tags.keys(), ...tags.map(([key]) => key)]);
  if (keys.size > 50) throw refuse.limit('A secret can have at most 50 tags.');
  for (const [key, value] of tags) secret.tags.set(key, value);
}
