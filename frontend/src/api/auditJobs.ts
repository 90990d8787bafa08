import { skipToken, useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useNexus } from '../NexusContext';
import { type AuditFilters, auditRecordsKey } from './audit';
import { answerOf, type Schemas } from './client';

export type AuditJob = Schemas['AuditJobView'];
export interface Export {
  readonly filters: AuditFilters;
  /** Prompts and answers, too. */
  readonly content: boolean;
}

const BEGINNING = '1970-01-01T00:00:00Z';
const ASKED_EVERY_MS = 1_000;
// Links work for 15 minutes: whoever looks at them has some that do.
const LINKS_RENEWED_MS = 10 * 60_000;

export function isUnderWay({ status }: AuditJob): boolean {
  return status === 'queued' || status === 'running';
}

export function useStartExport() {
  const { api } = useNexus();
  return useMutation({
    mutationFn: ({ filters, content }: Export) => {
      const all = { from: BEGINNING, to: null, userId: null, provider: null, module: null, status: null };
      const body = { ...all, ...filters, content };
      return answerOf(api.POST('/api/marketing/ai/audit-logs/export', { body }));
    },
  });
}

export function useStartErasure() {
  const { api } = useNexus();
  return useMutation({
    mutationFn: (userId: string) =>
      answerOf(api.DELETE('/api/marketing/ai/audit-logs', { params: { query: { userId } } })),
  });
}

/** How far the job has come since it was started: asked for until it ends. */
export function useAuditJob(started: AuditJob | undefined) {
  const { api } = useNexus();
  const queryClient = useQueryClient();
  const read = async (id: string): Promise<AuditJob> => {
    const params = { path: { id } };
    const job = await answerOf(api.GET('/api/marketing/ai/audit-logs/jobs/{id}', { params }));
    // What was read before may hold what is erased now.
    if (job.kind === 'erasure' && !isUnderWay(job)) queryClient.removeQueries({ queryKey: auditRecordsKey });
    return job;
  };
  return useQuery({
    queryKey: ['audit job', started?.id],
    queryFn: started === undefined ? skipToken : () => read(started.id),
    initialData: started,
    refetchInterval: ({ state: { data } }) => {
      if (data !== undefined && isUnderWay(data)) return ASKED_EVERY_MS;
      return data?.files.length ? LINKS_RENEWED_MS : false;
    },
  });
}
