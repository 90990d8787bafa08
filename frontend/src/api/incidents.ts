import { useQuery } from '@tanstack/react-query';
import { useNexus } from '@/NexusContext';
import { type AuditRecord, usedFallback } from './audit';
import { bodyOf } from './client';

const RECORDS_CHECKED = 100;
const REFRESH_MS = 30_000;

/** Return true if the request failed, was abandoned or used a fallback. */
export function isIncident(record: AuditRecord): boolean {
  return record.status === 'failed' || record.status === 'abandoned' || usedFallback(record);
}

/** Load failures and fallbacks among the last 100 requests: the tenant's for administrators, the user's own for others. */
export function useIncidents() {
  const { api } = useNexus();
  return useQuery({
    queryKey: ['incidents'],
    queryFn: async () => {
      const query = { limit: RECORDS_CHECKED };
      const page = await bodyOf(api.GET('/api/marketing/ai/audit-logs', { params: { query } }));
      return page.items.filter(isIncident);
    },
    refetchInterval: REFRESH_MS,
  });
}
