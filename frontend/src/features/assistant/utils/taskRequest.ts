import type { ProviderName } from '@/api/providers';

/** Module name of the assistant in limits, orders of providers and the audit log. */
export const ASSISTANT_MODULE = 'marketing';

/** Return the fields that every task's request has. A null provider means the tenant's own order. */
export function commonFields(provider: ProviderName | null) {
  return { module: ASSISTANT_MODULE, ...(provider === null ? {} : { provider }) };
}

/** Return the fields without the empty ones, because the API rejects empty texts. */
export function filledFields<T extends Record<string, string>>(fields: T): Partial<T> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value.trim() !== '')) as Partial<T>;
}
