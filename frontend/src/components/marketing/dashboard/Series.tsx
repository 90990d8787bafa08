import { lazy, Suspense, useState } from 'react';
import type { UsageNumbers, UsageStats } from '../../../api/usage';
import { dashboardTexts } from '../../../i18n/dashboard';
import { useFormat } from '../../../i18n/useFormat';
import { useTexts } from '../../../i18n/useTexts';
import { Card } from '../../ui/Card';
import { Select } from '../../ui/Select';
import { Skeleton } from '../../ui/Skeleton';
import { type Column, Table } from '../../ui/Table';
import styles from './Dashboard.module.css';
import { tokensOf } from './Figures';

// The chart library is loaded with the first chart, and never with the rest of the page.
const UsageChart = lazy(() => import('./UsageChart'));

type Metric = 'requests' | 'tokens' | 'cost';
type Day = UsageStats['series'][number];

export function Series({ stats }: { readonly stats: UsageStats }) {
  const t = useTexts(dashboardTexts);
  const format = useFormat();
  const [metric, setMetric] = useState<Metric>('cost');
  const value: Record<Metric, (numbers: UsageNumbers) => number> = {
    requests: (numbers) => numbers.requests,
    tokens: tokensOf,
    cost: (numbers) => numbers.costUsd,
  };
  const show = metric === 'cost' ? format.usd : format.integer;
  // A day is the company's own, whatever the zone of the browser.
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
      cell: (line) => format.integer(tokensOf(line)),
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
