import { keepPreviousData, useQuery } from '@tanstack/react-query';
import { useNexus } from '@/NexusContext';
import { bodyOf, type Schemas } from './client';

export type UsageStats = Schemas['UsageStats'];
export type UsageNumbers = Schemas['UsageNumbers'];

/** First and last day, both included, as YYYY-MM-DD in the tenant's time zone. */
export interface DayRange {
  readonly from: string;
  readonly to: string;
}

export type Period = 'today' | 'week' | 'month';
export type UsageQuery = { readonly period: Period } | DayRange;

const DAY_MS = 86_400_000;

/** Return input plus output tokens. */
export function totalTokens({ inputTokens, outputTokens }: UsageNumbers): number {
  return inputTokens + outputTokens;
}

/** Load the usage of a period. Keep the previous period's data until the new data arrives; null loads nothing. */
export function useUsageStats(query: UsageQuery | null) {
  const { api } = useNexus();
  return useQuery({
    queryKey: ['usage', query],
    queryFn: () => bodyOf(api.GET('/api/marketing/ai/usage-stats', { params: { query: query ?? {} } })),
    enabled: query !== null,
    placeholderData: keepPreviousData,
  });
}

/** Return the same number of days immediately before the range. */
export function rangeBefore({ from, to }: DayRange): DayRange {
  const first = Date.parse(from);
  const days = Math.round((Date.parse(to) - first) / DAY_MS) + 1;
  return { from: day(first - days * DAY_MS), to: day(first - DAY_MS) };
}

function day(ms: number): string {
  return new Date(ms).toISOString().slice(0, 10);
}
