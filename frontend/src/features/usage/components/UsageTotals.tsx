import { totalTokens, type UsageNumbers } from '@/api/usage';
import { useFormat } from '@/i18n/useFormat';
import { useTexts } from '@/i18n/useTexts';
import { usageTexts } from '../i18n/usageTexts';
import styles from './Usage.module.css';

interface UsageTotalsProps {
  readonly now: UsageNumbers;
  /** Totals of the previous period, or null until they are loaded. */
  readonly before: UsageNumbers | null;
}

/** Four totals of a period, each with its change from the previous period. */
export function UsageTotals({ now, before }: UsageTotalsProps) {
  const t = useTexts(usageTexts);
  const format = useFormat();
  const none = t('unknown');
  const figures = [
    {
      name: t('figures.requests'),
      select: (numbers: UsageNumbers) => numbers.requests,
      show: format.integer,
    },
    { name: t('figures.tokens'), select: totalTokens, show: format.integer },
    { name: t('figures.cost'), select: (numbers: UsageNumbers) => numbers.costUsd, show: format.usd },
    {
      name: t('figures.time'),
      select: (numbers: UsageNumbers) => numbers.meanLatencyMs,
      show: format.duration,
    },
  ];
  return (
    <dl className={styles.figures}>
      {figures.map(({ name, select, show }) => {
        const value = select(now);
        return (
          <div key={name} className={styles.figure}>
            <dt>{name}</dt>
            <dd>
              <span className={styles.number}>{value === null ? none : show(value)}</span>
              <span className={styles.change}>{change(value, before === null ? null : select(before))}</span>
            </dd>
          </div>
        );
      })}
    </dl>
  );

  function change(value: number | null, previous: number | null): string {
    if (before === null) return '\u00A0';
    if (value === null || previous === null || previous === 0) return t('figures.nothingBefore');
    const share = value / previous - 1;
    if (Math.abs(share) < 0.005) return t('figures.same');
    const percent = format.percent(Math.abs(share));
    return t(share > 0 ? 'figures.more' : 'figures.less', { percent });
  }
}
