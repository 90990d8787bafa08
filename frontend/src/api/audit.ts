import { keepPreviousData, useInfiniteQuery, useQuery } from '@tanstack/react-query';
import { useNexus } from '@/NexusContext';
import { bodyOf, type Schemas } from './client';

export type AuditRecord = Schemas['AuditRecordView'];
export type AuditRecordDetail = Schemas['AuditRecordDetail'];
export type AuditStatus = Schemas['AuditStatus'];
type Query = Schemas['AuditLogsQuery'];
/** Filters of the audit log. A filter that is left out matches every record. */
export type AuditFilters = {
  readonly [Name in Exclude<keyof Query, 'limit' | 'cursor'>]?: NonNullable<Query[Name]>;
};

export const auditRecordsKey = ['audit record'] as const;
const PAGE_SIZE = 25;

/** Return true if a fallback, not the first candidate, returned the completion. */
export function usedFallback({ status, attempts }: AuditRecord): boolean {
  const [first] = attempts;
  return status === 'answered' && first !== undefined && first.outcome !== 'answered';
}

/** Load the records that match the filters, newest first, page by page. */
export function useAuditLogs(filters: AuditFilters) {
  const { api } = useNexus();
  return useInfiniteQuery({
    queryKey: ['audit', 'list', filters],
    queryFn: ({ pageParam }) => {
      const query = { ...filters, limit: PAGE_SIZE, ...(pageParam === null ? {} : { cursor: pageParam }) };
      return bodyOf(api.GET('/api/marketing/ai/audit-logs', { params: { query } }));
    },
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.nextCursor,
    placeholderData: keepPreviousData,
    staleTime: 0,
  });
}

/** Load one record with its content. The API logs each access, so do not refetch it automatically. */
export function useAuditRecord(id: string) {
  const { api } = useNexus();
  return useQuery({
    queryKey: [...auditRecordsKey, id],
    queryFn: () => bodyOf(api.GET('/api/marketing/ai/audit-logs/{id}', { params: { path: { id } } })),
    staleTime: Number.POSITIVE_INFINITY,
    refetchOnWindowFocus: false,
    refetchOnReconnect: false,
  });
}
