/** A part of AWS with accounts and addresses of its own. */
interface Partition {
  /** as ARNs name it */
  readonly id: string;
  readonly regions: RegExp;
  readonly dnsSuffix: string;
}

/** The SDK's own table (a test compares them), here since a check of files loads no SDK. */
const partitions: readonly [Partition, ...Partition[]] = [
  { id: 'aws', regions: /^(?:us|eu|ap|sa|ca|me|af|il|mx)-\w+-\d+$/, dnsSuffix: 'amazonaws.com' },
  { id: 'aws-cn', regions: /^cn-\w+-\d+$/, dnsSuffix: 'amazonaws.com.cn' },
  { id: 'aws-eusc', regions: /^eusc-de-\w+-\d+$/, dnsSuffix: 'amazonaws.eu' },
  { id: 'aws-iso', regions: /^us-iso-\w+-\d+$/, dnsSuffix: 'c2s.ic.gov' },
  { id: 'aws-iso-b', regions: /^us-isob-\w+-\d+$/, dnsSuffix: 'sc2s.sgov.gov' },
  { id: 'aws-iso-e', regions: /^eu-isoe-\w+-\d+$/, dnsSuffix: 'cloud.adc-e.uk' },
  { id: 'aws-iso-f', regions: /^us-isof-\w+-\d+$/, dnsSuffix: 'csp.hci.ic.gov' },
  { id: 'aws-us-gov', regions: /^us-gov-\w+-\d+$/, dnsSuffix: 'amazonaws.com' },
];

/** Of any region, also one that is newer than the table: it becomes part of a host name. */
export const regionPattern = /^[a-z]{2,8}(?:-[a-z]+)+-\d{1,2}$/;

/** A region that no row knows is one of AWS's own partition, as the SDK has it. */
export function partitionOf(region: string): Omit<Partition, 'regions'> {
  return partitions.find(({ regions }) => regions.test(region)) ?? partitions[0];
}
