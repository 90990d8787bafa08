import { useState } from 'react';
import { useIncidents } from '@/api/incidents';
import { useLimits } from '@/api/limits';
import { rangeBefore, type UsageQuery, type UsageStats, useUsageStats } from '@/api/usage';
import { Button } from '@/components/ui/Button';
import { Card } from '@/components/ui/Card';
import { EmptyState } from '@/components/ui/EmptyState';
import { ErrorState } from '@/components/ui/ErrorState';
import { Skeleton } from '@/components/ui/Skeleton';
import { useFieldError } from '@/i18n/useFieldError';
import { useFormat } from '@/i18n/useFormat';
import { useTexts } from '@/i18n/useTexts';
import { useAllLoaded } from '@/lib/useAllLoaded';
import { useCsvExport } from '../hooks/useCsvExport';
import { usageTexts } from '../i18n/usageTexts';
import { DailyUsage } from './DailyUsage';
import { IncidentsCard } from './IncidentsCard';
import { LimitMeters } from './LimitMeters';
import { PeriodSwitch } from './PeriodSwitch';
import styles from './Usage.module.css';
import { UsageBreakdown } from './UsageBreakdown';
import { UsageTotals } from './UsageTotals';

/** Dashboard of the tenant's usage, costs, limits and last failures. */
export function AIUsageDashboard() {
  const t = useTexts(usageTexts);
  const [query, setQuery] = useState<UsageQuery>({ period: 'week' });
  const usage = useUsageStats(query);
  const fieldError = useFieldError(usage.error);
  const before = useUsageStats(usage.data && !usage.isPlaceholderData ? rangeBefore(usage.data) : null);
  // Show all parts at once, so that a late part does not shift the page.
  const areLoaded = useAllLoaded([usage, useLimits(), useIncidents()]);
  return (
    <div className={styles.dashboard}>
      <header className={styles.header}>
        <h1 className={styles.title}>{t('title')}</h1>
        <PeriodSwitch value={query} onChange={setQuery} />
      </header>
      {!areLoaded && <Skeleton height="60rem" />}
      {areLoaded && usage.isPending && <Skeleton height="38rem" />}
      {usage.isError && (
        <ErrorState error={usage.error} onRetry={() => void usage.refetch()}>
          {fieldError('to')}
        </ErrorState>
      )}
      {areLoaded && usage.data !== undefined && (
        <div className={styles.stats} aria-busy={usage.isPlaceholderData}>
          <UsageTotals
            now={usage.data.totals}
            before={before.isPlaceholderData ? null : (before.data?.totals ?? null)}
          />
          {usage.data.totals.requests + usage.data.totals.rejections === 0 ? (
            <NoUsageCard />
          ) : (
            <UsageDetails stats={usage.data} />
          )}
        </div>
      )}
      {areLoaded && <LimitMeters />}
      {areLoaded && <IncidentsCard />}
    </div>
  );
}

function NoUsageCard() {
  const t = useTexts(usageTexts);
  return (
    <Card>
      <EmptyState title={t('empty.title')}>{t('empty.hint')}</EmptyState>
    </Card>
  );
}

function UsageDetails({ stats }: { readonly stats: UsageStats }) {
  const t = useTexts(usageTexts);
  const format = useFormat();
  const exportAll = useCsvExport(stats);
  const { cacheHits, savedTokens, savedCostUsd } = stats.totals;
  const saved = {
    hits: format.integer(cacheHits),
    tokens: format.integer(savedTokens),
    cost: format.usd(savedCostUsd),
  };
  return (
    <>
      <DailyUsage stats={stats} />
      <UsageBreakdown stats={stats} />
      <Card title={t('savings.title')}>
        <p className={styles.text}>{cacheHits === 0 ? t('savings.none') : t('savings.text', saved)}</p>
      </Card>
      <footer className={styles.footer}>
        <span>{t('timeZone', { zone: stats.timeZone })}</span>
        <Button onClick={exportAll}>{t('export')}</Button>
      </footer>
    </>
  );
}
