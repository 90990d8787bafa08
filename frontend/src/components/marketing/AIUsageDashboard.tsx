import { useState } from 'react';
import { useIncidents } from '../../api/incidents';
import { useLimits } from '../../api/limits';
import { rangeBefore, type UsageQuery, type UsageStats, useUsageStats } from '../../api/usage';
import { useAllLoaded } from '../../api/useAllLoaded';
import { dashboardTexts } from '../../i18n/dashboard';
import { useFieldError } from '../../i18n/useFieldError';
import { useFormat } from '../../i18n/useFormat';
import { useTexts } from '../../i18n/useTexts';
import { Button } from '../ui/Button';
import { Card } from '../ui/Card';
import { EmptyState } from '../ui/EmptyState';
import { ErrorState } from '../ui/ErrorState';
import { Skeleton } from '../ui/Skeleton';
import { Breakdown, type Line, useLines } from './dashboard/Breakdown';
import { csv, download } from './dashboard/csv';
import styles from './dashboard/Dashboard.module.css';
import { Figures, tokensOf } from './dashboard/Figures';
import { Incidents } from './dashboard/Incidents';
import { Limits } from './dashboard/Limits';
import { PeriodSwitch } from './dashboard/PeriodSwitch';
import { Series } from './dashboard/Series';

/** What the company used, what it cost, what is left of its limits, and what went wrong of late. */
export function AIUsageDashboard() {
  const t = useTexts(dashboardTexts);
  const [query, setQuery] = useState<UsageQuery>({ period: 'week' });
  const usage = useUsageStats(query);
  const fieldError = useFieldError(usage.error);
  const before = useUsageStats(usage.data && !usage.isPlaceholderData ? rangeBefore(usage.data) : null);
  // All at once, so that no part pushes another one down when it comes.
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
          <Figures
            now={usage.data.totals}
            before={before.isPlaceholderData ? null : (before.data?.totals ?? null)}
          />
          {usage.data.totals.requests + usage.data.totals.rejections === 0 ? (
            <Nothing />
          ) : (
            <Used stats={usage.data} />
          )}
        </div>
      )}
      {areLoaded && <Limits />}
      {areLoaded && <Incidents />}
    </div>
  );
}

function Nothing() {
  const t = useTexts(dashboardTexts);
  return (
    <Card>
      <EmptyState title={t('empty.title')}>{t('empty.hint')}</EmptyState>
    </Card>
  );
}

function Used({ stats }: { readonly stats: UsageStats }) {
  const t = useTexts(dashboardTexts);
  const format = useFormat();
  const exportAll = useExport(stats);
  const { cacheHits, savedTokens, savedCostUsd } = stats.totals;
  const saved = {
    hits: format.integer(cacheHits),
    tokens: format.integer(savedTokens),
    cost: format.usd(savedCostUsd),
  };
  return (
    <>
      <Series stats={stats} />
      <Breakdown stats={stats} />
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

/** Days and breakdowns in one table, numbers as programs read them. */
function useExport(stats: UsageStats): () => void {
  const t = useTexts(dashboardTexts);
  const lines = useLines(stats);
  const days = stats.series.map((line) => ({ ...line, name: line.day }));
  const row = (kind: string) => (line: Line) => [
    kind,
    line.name,
    line.requests,
    tokensOf(line),
    line.costUsd,
    line.meanLatencyMs,
    line.errors,
    line.rejections,
    line.cacheHits,
  ];
  return () => {
    const heads = [t('csv.kind'), t('breakdown.name'), t('figures.requests'), t('figures.tokens')];
    const text = csv([
      [
        ...heads,
        `${t('figures.cost')} (USD)`,
        `${t('figures.time')} (ms)`,
        t('breakdown.errors'),
        t('breakdown.rejections'),
        t('breakdown.hits'),
      ],
      ...days.map(row(t('csv.day'))),
      ...lines.provider.map(row(t('csv.provider'))),
      ...lines.model.map(row(t('csv.model'))),
      ...lines.module.map(row(t('csv.module'))),
    ]);
    download(`${t('csv.file')}-${stats.from}-${stats.to}.csv`, text);
  };
}
