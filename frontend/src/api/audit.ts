import { useInfiniteQuery, useQuery } from '@tanstack/react-query';
import { useNexus } from '../NexusContext';
import { answerOf, type Schemas } from './client';

export type AuditRecord = Schemas['AuditRecordView'];
export type AuditRecordDetail = Schemas['AuditRecordDetail'];
export type AuditStatus = Schemas['AuditStatus'];
export type AuditFilters = Partial<Omit<Schemas['AuditLogsQuery'], 'limit' | 'cursor'>>;

const PAGE_SIZE = 25;

/** Records that fit the filters, newest first, page after page. */
export function useAuditLogs(filters: AuditFilters) {
  const { api } = useNexus();
  return useInfiniteQuery({
    queryKey: ['audit', 'list', filters],
    queryFn: ({ pageParam }) => {
      const query = { ...filters, limit: PAGE_SIZE, ...(pageParam === null ? {} : { cursor: pageParam }) };
      return answerOf(api.GET('/api/marketing/ai/audit-logs', { params: { query } }));
    },
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.nextCursor,
  });
}

/** One record with its content. Each reading is recorded, so that it is read once and not again by itself. */
export function useAuditRecord(id: string) {
  const { api } = useNexus();
  return useQuery({
    queryKey: ['audit record', id],
    queryFn: () => answerOf(api.GET('/api/marketing/ai/audit-logs/{id}', { params: { path: { id } } })),
    staleTime: Number.POSITIVE_INFINITY,
    refetchOnWindowFocus: false,
    refetchOnReconnect: false,
  });
}
