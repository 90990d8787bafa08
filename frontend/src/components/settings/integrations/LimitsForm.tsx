import { type FormEvent, useState } from 'react';
import { type LimitName, type Limits, useLimits, useSaveLimits } from '../../../api/limits';
import { integrationsTexts } from '../../../i18n/integrations';
import { useFieldError } from '../../../i18n/useFieldError';
import { useFormat } from '../../../i18n/useFormat';
import { useTexts } from '../../../i18n/useTexts';
import { Autocomplete } from '../../ui/Autocomplete';
import { Button } from '../../ui/Button';
import { Card } from '../../ui/Card';
import { ErrorState } from '../../ui/ErrorState';
import { Field } from '../../ui/Field';
import { Input, TextArea } from '../../ui/Input';
import { Skeleton } from '../../ui/Skeleton';
import { useToast } from '../../ui/Toast';
import { changesOf } from './changesOf';
import styles from './Integrations.module.css';

const LIMITS: readonly LimitName[] = ['requestsPerHour', 'tokensPerDay', 'costPerMonthUsd'];
const TIME_ZONES = Intl.supportedValuesOf('timeZone').map((value) => ({ value }));

/** Limits, who is told when they come near, and what the operator allows at most. */
export function LimitsForm() {
  const t = useTexts(integrationsTexts);
  const limits = useLimits();
  return (
    <Card title={t('limits.title')}>
      {limits.isPending && <Skeleton height="30rem" />}
      {limits.isError && <ErrorState error={limits.error} onRetry={() => void limits.refetch()} />}
      {limits.data !== undefined && (
        <div className={styles.stack}>
          <Form limits={limits.data} />
          <StoppedEmails limits={limits.data} />
        </div>
      )}
    </Card>
  );
}

/** What a field holds of a limit: nothing is no limit. */
function asText(limit: number | null): string {
  return limit === null ? '' : String(limit);
}

function amount(text: string): number | null {
  return text === '' ? null : Number(text);
}

/** Words between commas, spaces or lines. */
function words(text: string): string[] {
  return text.split(/[\s,;]+/).filter((word) => word !== '');
}

function Form({ limits }: { readonly limits: Limits }) {
  const t = useTexts(integrationsTexts);
  const toast = useToast();
  const save = useSaveLimits();
  const fieldError = useFieldError(save.error);
  const [amounts, setAmounts] = useState(() => ({
    requestsPerHour: asText(limits.requestsPerHour),
    tokensPerDay: asText(limits.tokensPerDay),
    costPerMonthUsd: asText(limits.costPerMonthUsd),
  }));
  const [thresholds, setThresholds] = useState(limits.alertThresholds.join(', '));
  const [emails, setEmails] = useState(limits.alertEmails.join('\n'));
  const [timeZone, setTimeZone] = useState(limits.timeZone);

  const written = {
    requestsPerHour: amount(amounts.requestsPerHour),
    tokensPerDay: amount(amounts.tokensPerDay),
    costPerMonthUsd: amount(amounts.costPerMonthUsd),
    alertThresholds: words(thresholds).map(Number),
    alertEmails: words(emails),
    timeZone,
  };
  const [saved, setSaved] = useState(written);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    save.mutate(changesOf(saved, written), {
      onSuccess: () => {
        setSaved(written);
        toast.done({ title: t('limits.saved') });
      },
    });
  };
  return (
    <form className={styles.stack} onSubmit={submit}>
      <p className={styles.muted}>{t('limits.intro')}</p>
      <div className={styles.columns}>
        {LIMITS.map((name) => (
          <Amount
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

interface AmountProps {
  readonly name: LimitName;
  readonly limits: Limits;
  readonly value: string;
  readonly onChange: (value: string) => void;
  readonly error: string | undefined;
}

function Amount({ name, limits, value, onChange, error }: AmountProps) {
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

/** Addresses that get no mails any more, and why. */
function StoppedEmails({ limits }: { readonly limits: Limits }) {
  const t = useTexts(integrationsTexts);
  const format = useFormat();
  if (limits.stoppedEmails.length === 0) return null;
  return (
    <div className={styles.notice}>
      <strong>{t('limits.stopped')}</strong>
      <ul className={styles.list}>
        {limits.stoppedEmails.map(({ address, reason, at }) => (
          <li key={address}>
            <span className={styles.address}>{address}</span>{' '}
            {t(`limits.reasons.${reason}`, { moment: format.moment(at) })}
          </li>
        ))}
      </ul>
      <span>{t('limits.stoppedHint')}</span>
    </div>
  );
}
