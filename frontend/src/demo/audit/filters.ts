import type { AuditFilters, AuditStatus } from '../../api/audit';
import { isProviderName, type ProviderName } from '../../providers';

export const STATUSES = [
  'answered',
  'cached',
  'rejected',
  'failed',
  'abandoned',
  'open',
] as const satisfies readonly AuditStatus[];

/** What stands in the form: moments as the reader's clock shows them; empty, or `any`, where nothing is asked. */
export interface FilterFields {
  readonly from: string;
  readonly to: string;
  readonly userId: string;
  readonly module: string;
  readonly provider: ProviderName | 'any';
  readonly status: AuditStatus | 'any';
}

export function filtersOf({ from, to, userId, module, provider, status }: FilterFields): AuditFilters {
  return {
    ...(from === '' ? {} : { from: new Date(from).toISOString() }),
    ...(to === '' ? {} : { to: new Date(to).toISOString() }),
    ...(userId === '' ? {} : { userId }),
    ...(module === '' ? {} : { module }),
    ...(provider === 'any' ? {} : { provider }),
    ...(status === 'any' ? {} : { status }),
  };
}

/** The fields of an address that was shared: what is no filter, or none any more, is left out. */
export function fieldsOf(address: URLSearchParams): FilterFields {
  const provider = address.get('provider') ?? '';
  return {
    from: clockOf(address.get('from')),
    to: clockOf(address.get('to')),
    userId: address.get('userId') ?? '',
    module: address.get('module') ?? '',
    provider: isProviderName(provider) ? provider : 'any',
    status: STATUSES.find((status) => status === address.get('status')) ?? 'any',
  };
}

/** A page of the audit that leads back to the same filters. */
export function pathWith(filters: string, path: string): string {
  return filters === '' ? path : `${path}?${filters}`;
}

/** `2026-11-23T14:05` for the reader's clock, as inputs take it. */
function clockOf(iso: string | null): string {
  const moment = new Date(iso ?? '');
  if (Number.isNaN(moment.getTime())) return '';
  const local = new Date(moment.getTime() - moment.getTimezoneOffset() * 60_000);
  return local.toISOString().slice(0, 16);
}
