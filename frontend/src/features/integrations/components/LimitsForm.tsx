import { type FormEvent, useState } from 'react';
import { type LimitName, type Limits, useSaveLimits } from '@/api/limits';
import { Autocomplete } from '@/components/ui/Autocomplete';
import { Button } from '@/components/ui/Button';
import { ErrorState } from '@/components/ui/ErrorState';
import { Field } from '@/components/ui/Field';
import { Input, TextArea } from '@/components/ui/Input';
import { useToast } from '@/components/ui/Toast';
import { useFieldError } from '@/i18n/useFieldError';
import { useFormat } from '@/i18n/useFormat';
import { useTexts } from '@/i18n/useTexts';
import { changedFields } from '@/lib/changedFields';
import { integrationsTexts } from '../i18n/integrationsTexts';
import styles from './Integrations.module.css';

const LIMITS: readonly LimitName[] = ['requestsPerHour', 'tokensPerDay', 'costPerMonthUsd'];
const TIME_ZONES = Intl.supportedValuesOf('timeZone').map((value) => ({ value }));

/** Return the text of a limit's input: empty means no limit. */
function limitText(limit: number | null): string {
  return limit === null ? '' : String(limit);
}

function limitOf(text: string): number | null {
  return text === '' ? null : Number(text);
}

/** Split a list at commas, semicolons and white space. */
function listItems(text: string): string[] {
  return text.split(/[\s,;]+/).filter((item) => item !== '');
}

/** Form for limits, alert thresholds, alert addresses and the time zone. */
export function LimitsForm({ limits }: { readonly limits: Limits }) {
  const t = useTexts(integrationsTexts);
  const toast = useToast();
  const save = useSaveLimits();
  const fieldError = useFieldError(save.error);
  const [amounts, setAmounts] = useState(() => ({
    requestsPerHour: limitText(limits.requestsPerHour),
    tokensPerDay: limitText(limits.tokensPerDay),
    costPerMonthUsd: limitText(limits.costPerMonthUsd),
  }));
  const [thresholds, setThresholds] = useState(limits.alertThresholds.join(', '));
  const [emails, setEmails] = useState(limits.alertEmails.join('\n'));
  const [timeZone, setTimeZone] = useState(limits.timeZone);

  const current = {
    requestsPerHour: limitOf(amounts.requestsPerHour),
    tokensPerDay: limitOf(amounts.tokensPerDay),
    costPerMonthUsd: limitOf(amounts.costPerMonthUsd),
    alertThresholds: listItems(thresholds).map(Number),
    alertEmails: listItems(emails),
    timeZone,
  };
  const [saved, setSaved] = useState(current);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    save.mutate(changedFields(saved, current), {
      onSuccess: () => {
        setSaved(current);
        toast.success({ title: t('limits.saved') });
      },
    });
  };
  return (
    <form className={styles.stack} onSubmit={submit}>
      <p className={styles.muted}>{t('limits.intro')}</p>
      <div className={styles.columns}>
        {LIMITS.map((name) => (
          <LimitInput
            key={name}
            name={name}
            limits={limits}
            value={amounts[name]}
            onChange={(value) => setAmounts({ ...amounts, [name]: value })}
            error={fieldError(name)}
          />
        ))}
      </div>
      <div className={styles.columns}>
        <Field
          label={t('limits.thresholds')}
          hint={t('limits.thresholdsHint')}
          error={fieldError('alertThresholds')}
        >
          <Input
            value={thresholds}
            onChange={(event) => setThresholds(event.target.value)}
            inputMode="numeric"
            pattern="[\d\s,;]*"
          />
        </Field>
        <Field label={t('limits.timeZone')} hint={t('limits.timeZoneHint')} error={fieldError('timeZone')}>
          <Autocomplete value={timeZone} onChange={setTimeZone} suggestions={TIME_ZONES} required />
        </Field>
      </div>
      <Field label={t('limits.emails')} hint={t('limits.emailsHint')} error={fieldError('alertEmails')}>
        <TextArea
          value={emails}
          onChange={(event) => setEmails(event.target.value)}
          rows={3}
          spellCheck={false}
        />
      </Field>
      {save.isError && <ErrorState error={save.error} />}
      <div className={styles.actions}>
        <Button type="submit" variant="primary" busy={save.isPending}>
          {t('limits.save')}
        </Button>
      </div>
    </form>
  );
}

interface LimitInputProps {
  readonly name: LimitName;
  readonly limits: Limits;
  readonly value: string;
  readonly onChange: (value: string) => void;
  readonly error: string | undefined;
}

function LimitInput({ name, limits, value, onChange, error }: LimitInputProps) {
  const t = useTexts(integrationsTexts);
  const format = useFormat();
  const isMoney = name === 'costPerMonthUsd';
  const show = isMoney ? format.usd : format.integer;
  const ceiling = limits.ceilings[name];
  const used = limits.windows.find((window) => window.limit === name)?.used ?? 0;
  const hint = (
    <>
      {t('limits.now', { used: show(used) })}{' '}
      {ceiling === null ? t('limits.noCeiling') : t('limits.ceiling', { most: show(ceiling) })}
    </>
  );
  return (
    <Field label={t(`limits.${name}`)} hint={hint} error={error}>
      <Input
        type="number"
        min={0}
        step={isMoney ? '0.000001' : 1}
        value={value}
        onChange={(event) => onChange(event.target.value)}
        placeholder={t('limits.none')}
      />
    </Field>
  );
}
