import type { Reference } from '../../foundation/reference.ts';
import type { Secret } from '../../foundation/secret.ts';
import type { Keys } from '../../language/forms.ts';
import type { Declaration, Services, Settings, SettingsOf } from '../declaration.ts';
import type { Channel } from './contract.ts';

export interface ChannelServices extends Services {
  /** a reference of the environment's vaults */
  readonly read: (reference: Reference) => Promise<Secret>;
}

/** An adapter of {@link Channel}. */
export interface ChannelAdapter<S = Settings> extends Declaration<S, ChannelServices, Channel> {
  /** what a person makes and puts where, to paste (`check --setup`) */
  setup(name: string, settings: S): string;
  /** what the laptop's vault has under its references; without it some text */
  samples?(settings: S): readonly (readonly [Reference, () => string])[];
}

/** Declares one. @typeParam K `typeof keys` */
export function channelAdapter<K extends Keys = never>(
  adapter: ChannelAdapter<SettingsOf<K>> & { readonly keys: NoInfer<K> },
): ChannelAdapter {
  return adapter;
}
