import type { AuditFilters, AuditStatus } from '@/api/audit';
import { isProviderName, type ProviderName } from '@/api/providers';

export const STATUSES = [
  'answered',
  'cached',
  'rejected',
  'failed',
  'abandoned',
  'open',
] as const satisfies readonly AuditStatus[];

/** Values of the filter form. Times are local; an empty value or `any` means no filter. */
export interface FilterFields {
  readonly from: string;
  readonly to: string;
  readonly userId: string;
  readonly module: string;
  readonly provider: ProviderName | 'any';
  readonly status: AuditStatus | 'any';
}

/** Return the API's filters from the form's values. */
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

/** Return the form's values from a page address. Ignore unknown and invalid filters. */
export function fieldsOf(address: URLSearchParams): FilterFields {
  const provider = address.get('provider') ?? '';
  return {
    from: localTime(address.get('from')),
    to: localTime(address.get('to')),
    userId: address.get('userId') ?? '',
    module: address.get('module') ?? '',
    provider: isProviderName(provider) ? provider : 'any',
    status: STATUSES.find((status) => status === address.get('status')) ?? 'any',
  };
}

/** Return the path with the filters in its query, so that its page can link back to them. */
export function pathWith(filters: string, path: string): string {
  return filters === '' ? path : `${path}?${filters}`;
}

/** Return the moment as local time in the form of inputs (`2026-11-23T14:05`), or an empty string if it is invalid. */
function localTime(iso: string | null): string {
  const moment = new Date(iso ?? '');
  if (Number.isNaN(moment.getTime())) return '';
  const local = new Date(moment.getTime() - moment.getTimezoneOffset() * 60_000);
  return local.toISOString().slice(0, 16);
}
