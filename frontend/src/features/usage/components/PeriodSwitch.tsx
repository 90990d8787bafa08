import { useId, useState } from 'react';
import type { Period, UsageQuery } from '@/api/usage';
import { Button } from '@/components/ui/Button';
import { Field } from '@/components/ui/Field';
import { Input } from '@/components/ui/Input';
import { VisuallyHidden } from '@/components/ui/VisuallyHidden';
import { useTexts } from '@/i18n/useTexts';
import { usageTexts } from '../i18n/usageTexts';
import styles from './Usage.module.css';

type Choice = Period | 'range';

const CHOICES: readonly Choice[] = ['today', 'week', 'month', 'range'];

interface PeriodSwitchProps {
  readonly value: UsageQuery;
  readonly onChange: (value: UsageQuery) => void;
}

/** Choice of the dashboard's period: today, 7 days, 30 days or a range of days. */
export function PeriodSwitch({ value, onChange }: PeriodSwitchProps) {
  const t = useTexts(usageTexts);
  const name = useId();
  const [choice, setChoice] = useState<Choice>('period' in value ? value.period : 'range');
  const [from, setFrom] = useState('from' in value ? value.from : '');
  const [to, setTo] = useState('to' in value ? value.to : '');
  const isRange = from !== '' && to !== '' && from <= to;
  const choose = (next: Choice) => {
    setChoice(next);
    if (next !== 'range') onChange({ period: next });
  };
  return (
    <div className={styles.periods}>
      <fieldset className={styles.switch}>
        <VisuallyHidden as="legend">{t('period.label')}</VisuallyHidden>
        {CHOICES.map((each) => (
          <label key={each} className={styles.choice}>
            <input type="radio" name={name} checked={choice === each} onChange={() => choose(each)} />
            <span>{t(`period.${each}`)}</span>
          </label>
        ))}
      </fieldset>
      {choice === 'range' && (
        <form
          className={styles.range}
          onSubmit={(event) => {
            event.preventDefault();
            if (isRange) onChange({ from, to });
          }}
        >
          <Field label={t('period.from')}>
            <Input type="date" value={from} onChange={(event) => setFrom(event.target.value)} required />
          </Field>
          <Field label={t('period.to')} error={to !== '' && from > to ? t('period.order') : undefined}>
            <Input type="date" value={to} onChange={(event) => setTo(event.target.value)} required />
          </Field>
          <Button type="submit" variant="primary">
            {t('period.show')}
          </Button>
        </form>
      )}
    </div>
  );
}
