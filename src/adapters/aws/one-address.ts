import { FlowError } from '../../foundation/errors.ts';

/** What is asked of a client of the SDK, whichever service it is for. */
export interface Addressed {
  readonly config: {
    serviceConfiguredEndpoint?(): Promise<unknown>;
    useFipsEndpoint(): Promise<boolean>;
    useDualstackEndpoint(): Promise<boolean>;
    endpointProvider(of: { Region: string; UseFIPS: boolean; UseDualStack: boolean; Endpoint?: string }): {
      readonly url: URL;
    };
  };
}

interface Declared {
  /** what names it in service.yaml: `store "main"` */
  readonly whose: string;
  readonly region: string;
  readonly endpoint?: string | undefined;
}

/** What the environment or a profile says of a client's address is not passed over in silence. @throws FlowError refused */
export async function requireNoOther(
  { config }: Addressed,
  { whose, endpoint }: Omit<Declared, 'region'>,
): Promise<void> {
  // of what cannot be understood the SDK makes nothing, here as where it sends
  if (endpoint !== undefined || (await config.serviceConfiguredEndpoint?.()) === undefined) return;
  const what = 'AWS_ENDPOINT_URL, one of its kind for a service, or endpoint_url of a profile, is set';
  throw new FlowError('refused', `${what}, and ${whose} names no endpoint`, {
    hint: 'write endpoint: in service.yaml if values are to go there; else unset it, or set AWS_IGNORE_CONFIGURED_ENDPOINT_URLS=true',
  });
}

/**
 * The one address of a client, as service.yaml decides it. Whoever may set AWS_ENDPOINT_URL would else be given the
 * values, and vouch for himself to be the account. @throws FlowError refused, invalid; nothing is asked
 */
export async function oneAddress({ config }: Addressed, { whose, region, endpoint }: Declared): Promise<URL> {
  await requireNoOther({ config }, { whose, endpoint });
  const [UseFIPS, UseDualStack] = await Promise.all([config.useFipsEndpoint(), config.useDualstackEndpoint()]);
  try {
    const Endpoint = endpoint === undefined ? {} : { Endpoint: endpoint };
    return config.endpointProvider({ Region: region, UseFIPS, UseDualStack, ...Endpoint }).url;
  } catch (cause) {
    const why = endpoint === undefined ? `${region} has none` : 'it names an endpoint';
    throw new FlowError('invalid', `AWS's configuration asks ${whose} for a FIPS or dual-stack address, and ${why}`, {
      hint: 'unset AWS_USE_FIPS_ENDPOINT, AWS_USE_DUALSTACK_ENDPOINT, use_fips_endpoint or use_dualstack_endpoint, whichever it is',
      cause,
    });
  }
}
