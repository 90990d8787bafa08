import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useNexus } from '@/NexusContext';
import { bodyOf, type Schemas } from './client';

export type Limits = Schemas['RateLimitsView'];
export type LimitWindow = Schemas['LimitWindow'];
export type LimitName = keyof Schemas['CeilingView'];
export type LimitChanges = Partial<Schemas['RateLimitsRequest']>;

const limitsKey = ['limits'] as const;
const REFRESH_MS = 10_000;

/** Load the limits and their current usage, and refresh them while the page is visible. */
export function useLimits() {
  const { api } = useNexus();
  return useQuery({
    queryKey: limitsKey,
    queryFn: () => bodyOf(api.GET('/api/marketing/ai/rate-limits')),
    refetchInterval: REFRESH_MS,
  });
}

export function useSaveLimits() {
  const { api } = useNexus();
  const queryClient = useQueryClient();
  return useMutation({
    mutationFn: (changes: LimitChanges) => {
      // Fields that are left out keep their values.
      const body = changes as Schemas['RateLimitsRequest'];
      return bodyOf(api.PUT('/api/marketing/ai/rate-limits', { body }));
    },
    onSuccess: (limits) => queryClient.setQueryData(limitsKey, limits),
  });
}
