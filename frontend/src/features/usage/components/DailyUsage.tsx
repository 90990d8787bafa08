import { lazy, Suspense, useState } from 'react';
import { totalTokens, type UsageNumbers, type UsageStats } from '@/api/usage';
import { Card } from '@/components/ui/Card';
import { Select } from '@/components/ui/Select';
import { Skeleton } from '@/components/ui/Skeleton';
import { type Column, Table } from '@/components/ui/Table';
import { useFormat } from '@/i18n/useFormat';
import { useTexts } from '@/i18n/useTexts';
import { usageTexts } from '../i18n/usageTexts';
import styles from './Usage.module.css';

// Load the chart library with the first chart, not with the page.
const UsageChart = lazy(() => import('./UsageChart'));

type Metric = 'requests' | 'tokens' | 'cost';
type Day = UsageStats['series'][number];

/** Chart and table of the usage per day. */
export function DailyUsage({ stats }: { readonly stats: UsageStats }) {
  const t = useTexts(usageTexts);
  const format = useFormat();
  const [metric, setMetric] = useState<Metric>('cost');
  const value: Record<Metric, (numbers: UsageNumbers) => number> = {
    requests: (numbers) => numbers.requests,
    tokens: totalTokens,
    cost: (numbers) => numbers.costUsd,
  };
  const show = metric === 'cost' ? format.usd : format.integer;
  // Days are in the tenant's time zone, not in the browser's.
  const label = (day: string, month: 'short' | 'long' = 'short') =>
    format.date(`${day}T00:00:00Z`, { day: 'numeric', month, timeZone: 'UTC' });
  const columns: readonly Column<Day>[] = [
    { key: 'day', header: t('series.day'), cell: (line) => label(line.day, 'long') },
    {
      key: 'requests',
      header: t('figures.requests'),
      cell: (line) => format.integer(line.requests),
      numeric: true,
    },
    {
      key: 'tokens',
      header: t('figures.tokens'),
      cell: (line) => format.integer(totalTokens(line)),
      numeric: true,
    },
    { key: 'cost', header: t('figures.cost'), cell: (line) => format.usd(line.costUsd), numeric: true },
  ];
  const options = (['requests', 'tokens', 'cost'] as const).map((each) => ({
    value: each,
    label: t(`figures.${each}`),
  }));
  const choice = (
    <div className={styles.metric}>
      <Select value={metric} onChange={setMetric} options={options} ariaLabel={t('series.metric')} />
    </div>
  );
  return (
    <Card title={t('series.title')} actions={choice}>
      <Suspense fallback={<Skeleton height="16rem" />}>
        <UsageChart
          points={stats.series.map((line) => ({
            day: line.day,
            label: label(line.day),
            value: value[metric](line),
          }))}
          name={t(`figures.${metric}`)}
          format={show}
          formatAxis={metric === 'cost' ? format.usd : format.compact}
        />
      </Suspense>
      <details className={styles.details}>
        <summary>{t('series.table')}</summary>
        <Table
          caption={t('series.title')}
          columns={columns}
          rows={stats.series}
          rowKey={(line) => line.day}
        />
      </details>
    </Card>
  );
}
