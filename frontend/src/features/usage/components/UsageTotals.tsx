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
    { name: t('figures.requests'), of: (numbers: UsageNumbers) => numbers.requests, show: format.integer },
    { name: t('figures.tokens'), of: totalTokens, show: format.integer },
    { name: t('figures.cost'), of: (numbers: UsageNumbers) => numbers.costUsd, show: format.usd },
    { name: t('figures.time'), of: (numbers: UsageNumbers) => numbers.meanLatencyMs, show: format.duration },
  ];
  return (
    <dl className={styles.figures}>
      {figures.map(({ name, of, show }) => {
        const value = of(now);
        return (
          <div key={name} className={styles.figure}>
            <dt>{name}</dt>
            <dd>
              <span className={styles.number}>{value === null ? none : show(value)}</span>
              <span className={styles.change}>{change(value, before === null ? null : of(before))}</span>
            </dd>
          </div>
        );
      })}
    </dl>
  );

  function change(value: number | null, then: number | null): string {
    if (before === null) return '\u00A0';
    if (value === null || then === null || then === 0) return t('figures.nothingBefore');
    const share = value / then - 1;
    if (Math.abs(share) < 0.005) return t('figures.same');
    const percent = format.percent(Math.abs(share));
    return t(share > 0 ? 'figures.more' : 'figures.less', { percent });
  }
}
