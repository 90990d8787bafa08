import { useQuery } from '@tanstack/react-query';
import { useNexus } from '../NexusContext';
import { type AuditRecord, fellBack } from './audit';
import { answerOf } from './client';

const LOOKED_AT = 100;
const LIVE_MS = 30_000;

/** Whether the request failed, or was answered by another provider than the first. */
export function isIncident(record: AuditRecord): boolean {
  return record.status === 'failed' || record.status === 'abandoned' || fellBack(record);
}

/** Failures and fallbacks among the last requests: the company's for an administrator, one's own for others. */
export function useIncidents() {
  const { api } = useNexus();
  return useQuery({
    queryKey: ['incidents'],
    queryFn: async () => {
      const query = { limit: LOOKED_AT };
      const page = await answerOf(api.GET('/api/marketing/ai/audit-logs', { params: { query } }));
      return page.items.filter(isIncident);
    },
    refetchInterval: LIVE_MS,
  });
}
