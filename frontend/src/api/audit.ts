import { keepPreviousData, useInfiniteQuery, useQuery } from '@tanstack/react-query';
import { useNexus } from '../NexusContext';
import { answerOf, type Schemas } from './client';

export type AuditRecord = Schemas['AuditRecordView'];
export type AuditRecordDetail = Schemas['AuditRecordDetail'];
export type AuditStatus = Schemas['AuditStatus'];
type Query = Schemas['AuditLogsQuery'];
/** What is left out is anything. */
export type AuditFilters = {
  readonly [Name in Exclude<keyof Query, 'limit' | 'cursor'>]?: NonNullable<Query[Name]>;
};

export const auditRecordsKey = ['audit record'] as const;
const PAGE_SIZE = 25;

/** Whether another provider answered than the first that was asked. */
export function fellBack({ status, attempts }: AuditRecord): boolean {
  const [first] = attempts;
  return status === 'answered' && first !== undefined && first.outcome !== 'answered';
}

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
    placeholderData: keepPreviousData,
    staleTime: 0,
  });
}

/** One record with its content. Each reading is recorded, so that it is read once and not again by itself. */
export function useAuditRecord(id: string) {
  const { api } = useNexus();
  return useQuery({
    queryKey: [...auditRecordsKey, id],
    queryFn: () => answerOf(api.GET('/api/marketing/ai/audit-logs/{id}', { params: { path: { id } } })),
    staleTime: Number.POSITIVE_INFINITY,
    refetchOnWindowFocus: false,
    refetchOnReconnect: false,
  });
}
