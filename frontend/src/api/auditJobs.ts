import { skipToken, useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useNexus } from '@/NexusContext';
import { type AuditFilters, auditRecordsKey } from './audit';
import { bodyOf, type Schemas } from './client';

export type AuditJob = Schemas['AuditJobView'];
export interface ExportOptions {
  readonly filters: AuditFilters;
  /** Include prompts and completions. */
  readonly content: boolean;
}

const EARLIEST = '1970-01-01T00:00:00Z';
const POLL_INTERVAL_MS = 1_000;
// Download links expire after 15 minutes, so renew them before that.
const LINK_RENEWAL_MS = 10 * 60_000;

export function isRunning({ status }: AuditJob): boolean {
  return status === 'queued' || status === 'running';
}

export function useStartExport() {
  const { api } = useNexus();
  return useMutation({
    mutationFn: ({ filters, content }: ExportOptions) => {
      const noFilters = {
        from: EARLIEST,
        to: null,
        userId: null,
        provider: null,
        module: null,
        status: null,
      };
      const body = { ...noFilters, ...filters, content };
      return bodyOf(api.POST('/api/marketing/ai/audit-logs/export', { body }));
    },
  });
}

export function useStartErasure() {
  const { api } = useNexus();
  return useMutation({
    mutationFn: (userId: string) =>
      bodyOf(api.DELETE('/api/marketing/ai/audit-logs', { params: { query: { userId } } })),
  });
}

/** Poll the job until it ends. */
export function useAuditJob(started: AuditJob | undefined) {
  const { api } = useNexus();
  const queryClient = useQueryClient();
  const read = async (id: string): Promise<AuditJob> => {
    const params = { path: { id } };
    const job = await bodyOf(api.GET('/api/marketing/ai/audit-logs/jobs/{id}', { params }));
    // Records that were loaded earlier may contain content that is now erased.
    if (job.kind === 'erasure' && !isRunning(job)) queryClient.removeQueries({ queryKey: auditRecordsKey });
    return job;
  };
  return useQuery({
    queryKey: ['audit job', started?.id],
    queryFn: started === undefined ? skipToken : () => read(started.id),
    initialData: started,
    refetchInterval: ({ state: { data } }) => {
      if (data !== undefined && isRunning(data)) return POLL_INTERVAL_MS;
      return data?.files.length ? LINK_RENEWAL_MS : false;
    },
  });
}
